"""Rating: how far each candidate's features are from the teacher's, all on the same pictures.

DNA rates by mean |S - T| / std(T), after the batch norms have taken their statistics from pictures
that go this candidate's way: those of training are of all ways mixed. The statistics of a layer
depend on the layers before it only, so candidates are rated as the leaves of a tree whose inner
nodes are computed once: a third of the work at four layers.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...run.device import autocast
from .supernet import Path, Supernet


@torch.no_grad()
def ratings(
    net: Supernet, calibration: Tensor, held: list[Tensor], targets: list[Tensor],
    first: int, half: bool,
) -> Iterator[tuple[tuple[int, ...], float]]:  # fmt: skip
    """Every path that begins with the choice ``first``, with its rating, the last layer fastest.

    Args:
        calibration: the teacher's features that batch norms take their statistics from.
        held, targets: its features before and after the block, of pictures that the supernet has
            not seen, in batches.
        half: compute in bfloat16.
    """
    scale = deviation(targets)

    def below(path: tuple[int, ...], seen: Tensor, states: list[Tensor]) -> Iterator:
        index = len(path)
        if index == len(net.layers):
            yield path, _far(net, states, targets, half) / scale
            return
        layers = net.layers[index]
        assert isinstance(layers, nn.ModuleList)
        for choice in [first] if not path else range(len(layers)):
            layer = layers[choice]
            with autocast(seen.device, enabled=half):
                after = _calibrated(layer, seen)
                moved = [layer(state) for state in states]
            yield from below((*path, choice), after, moved)

    yield from below((), calibration, held)
    net.train()


@torch.no_grad()
def rating_of(
    net: Supernet, path: Path, calibration: Tensor, held: list[Tensor], targets: list[Tensor],
    half: bool,
) -> float:  # fmt: skip
    """The rating of one path; arguments as of :func:`ratings`."""
    seen, states = calibration, held
    for index, choice in enumerate(path):
        layer = net.layer(index, choice)
        with autocast(seen.device, enabled=half):
            seen = _calibrated(layer, seen)
            states = [layer(state) for state in states]
    far = _far(net, states, targets, half) / deviation(targets)
    net.train()
    return far


def _far(net: Supernet, states: list[Tensor], targets: list[Tensor], half: bool) -> float:
    """The mean distance of what the last layer made, fitted, from the teacher's."""
    total, count = 0.0, 0
    for state, target in zip(states, targets, strict=True):
        with autocast(state.device, enabled=half):
            made = net.fit(state)
        total += float((made.float() - target).abs().sum(dtype=torch.float64))
        count += target.numel()
    return total / count


def deviation(targets: list[Tensor]) -> float:
    """Of all values of the teacher's feature.

    Raises:
        ValueError: it is the same everywhere, so nothing can be told by it.
    """
    whole = torch.cat([target.flatten() for target in targets]).double()
    found = float(whole.std())
    if not found > 0:
        raise ValueError("teacher.tensors: a block's output is one value for all pictures")
    return found


def _calibrated(layer: nn.Module, seen: Tensor) -> Tensor:
    """What ``layer`` makes of ``seen`` with its statistics, which it keeps in evaluation mode."""
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    made: Tensor = layer.train()(seen)
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    layer.eval()
    return made
