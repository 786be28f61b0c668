"""Residual distillation: a student copies the teacher, an assistant what the student misses.

H. Kong et al. (RIM), arXiv 1905.10777; Gao et al., arXiv 2002.09168. With T the teacher's unit
embedding of the sharp face, scaled to the length that a batch norm gives (the root of its size), S
and A what student and assistant make of the small one, and the same at stages i of the networks:

    student     |S - T|^2        and  |P_i S_i - T_i|^2
    assistant   |T - S - A|^2    and  |T_i - P_i S_i - Q_i A_i|^2

where S is a constant in the assistant's errors, so that it does not learn to be easily corrected.
At inference S + A alone is left. What the sources leave open, and what was chosen here:

- Stages: of each network the last map at every side that all three have, when the teacher and both
  students see one size; of smaller views the teacher's maps are averaged down to the students'.
- P_i, Q_i: 1x1 convolutions to the teacher's channels, for training only. RIM's networks are alike
  and need none. Errors of a stage are divided by the teacher's mean square there, so that all
  stages weigh alike.
- One optimiser steps both (in RIM's published code the assistant's is never stepped).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.rim.residual import Residual
from . import teacher


class Outputs(NamedTuple):
    """Of a batch: embeddings (B, D), and maps by stage (B, C, H, W) in the teacher's channels."""

    student: Tensor
    assistant: Tensor
    student_maps: list[Tensor]
    assistant_maps: list[Tensor]


class Tap:
    """The maps of a network's stages while it is entered: the last one at every side.

    Args:
        network: takes (N, 3, size, size); is called once with zeros here.
        copy: keep copies, where a network writes over its own maps.

    ``channels``: of each side's map. ``sides``: those that are kept, the largest first.
    """

    def __init__(self, network: nn.Module, size: int, *, copy: bool = False):
        self.copy, self.open = copy, False
        self._kept: dict[int, list[Tensor]] = {}
        last: dict[int, tuple[nn.Module, int]] = {}

        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] > 1:
                last[output.shape[2]] = module, output.shape[1]

        inside = [module for module in network.modules() if module is not network]
        handles = [module.register_forward_hook(look) for module in inside]
        was, device = network.training, next(network.parameters()).device
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, size, size, device=device))
        network.train(was)
        for handle in handles:
            handle.remove()
        self.channels = {side: channels for side, (_, channels) in last.items()}
        self.sides = sorted(last, reverse=True)
        for side, (module, _) in last.items():
            module.register_forward_hook(self._keeper(side))

    def __enter__(self) -> Tap:
        self._kept, self.open = {}, True
        return self

    def __exit__(self, *error: object) -> None:
        self.open = False

    def taken(self) -> list[Tensor]:
        """The maps of ``sides``, float32, of parts of a batch put together; then forgets them."""
        found = [torch.cat(self._kept[side]).float() for side in self.sides]
        self._kept = {}
        return found

    def _keeper(self, side: int) -> Callable[..., None]:
        def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if self.open and side in self.sides:
                self._kept.setdefault(side, []).append(output.clone() if self.copy else output)

        return keep


def network_of(source: teacher.Embedder) -> nn.Module:
    """The torch module behind a teacher.

    Raises:
        ValueError: it runs elsewhere, where its maps are out of reach.
    """
    if isinstance(source, teacher.TorchTeacher):
        return source.model
    if isinstance(source, teacher.ConvertedTeacher):
        return source.network
    raise ValueError(
        f"residual.stages: a {type(source).__name__} gives its embedding alone; take an own "
        "teacher (model:weights.safetensors) or an ONNX file that runs in torch, or set it to 0"
    )


class Watched(nn.Module):
    """A student and its assistant in training: their embeddings and, with a ``tap``, their stages.

    Args:
        tap: the teacher's, of the size that all see; None for embeddings alone.

    ``fits``: the 1x1 convolutions.

    Raises:
        ValueError: no side is common to all three.
    """

    def __init__(self, model: Residual, tap: Tap | None, size: int):
        super().__init__()
        self.model, self.fits = model, nn.ModuleList()
        self.taps: list[Tap] = []
        if tap is None:
            return
        self.taps = [Tap(part, size) for part in (model.student, model.assistant)]
        known = [one.channels for one in (tap, *self.taps)]
        sides = sorted(set(known[0]) & set(known[1]) & set(known[2]), reverse=True)
        if not sides:
            raise ValueError(
                "residual.stages: teacher, student and assistant have maps of sides "
                f"{', '.join(str(sorted(one)) for one in known)} and none in common; set it to 0"
            )
        for one in (tap, *self.taps):
            one.sides = sides
        for own in known[1:]:
            pairs = [(own[side], known[0][side]) for side in sides]
            self.fits.append(nn.ModuleList(nn.Conv2d(given, made, 1) for given, made in pairs))
        # From zero, so that a stage's error starts at 1: drawn at random it was near 30 on a real
        # teacher's maps, and two thirds of the whole loss.
        for value in self.fits.parameters():
            nn.init.zeros_(value)
        self.fits.to(next(model.parameters()).device)

    def forward(self, x: Tensor) -> Outputs:
        with contextlib.ExitStack() as opened:
            for tap in self.taps:
                opened.enter_context(tap)
            embeddings = [part(x) for part in (self.model.student, self.model.assistant)]
        maps: list[list[Tensor]] = [[], []]
        for index, (tap, fits) in enumerate(zip(self.taps, self.fits, strict=True)):
            assert isinstance(fits, nn.ModuleList)
            maps[index] = [fit(rows) for fit, rows in zip(fits, tap.taken(), strict=True)]
        return Outputs(embeddings[0], embeddings[1], maps[0], maps[1])


def target(unit: Tensor) -> Tensor:
    """Unit rows (B, D) as long as those of a batch norm."""
    return unit * unit.shape[1] ** 0.5


def final(student: Tensor, assistant: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared errors of the student, and of the assistant, whose student is a constant.

    Args:
        student, assistant: (B, D) as they come. unit: (B, D), the teacher's, of norm 1.
    """
    wanted = target(unit)
    missed = wanted - student.float().detach()
    return F.mse_loss(student.float(), wanted), F.mse_loss(assistant.float(), missed)


def stages(
    student: list[Tensor], assistant: list[Tensor], taught: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """The same of the stages' maps, each over the teacher's mean square, averaged over stages."""
    first, second = [], []
    for own, added, whole in zip(student, assistant, taught, strict=True):
        wanted = F.adaptive_avg_pool2d(whole, (own.shape[-2], own.shape[-1])).to(own.device)
        size = wanted.square().mean().clamp_min(1e-12)
        first.append(F.mse_loss(own.float(), wanted) / size)
        second.append(F.mse_loss(added.float(), wanted - own.float().detach()) / size)
    return torch.stack(first).mean(), torch.stack(second).mean()
