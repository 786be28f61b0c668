"""The teacher's features: tensors inside an ONNX file, or outputs of a registered model's modules.

They are computed for each batch anew, no further than the last one that is asked for.
"""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from ... import models
from ...distill import convert
from ...models.stored.checkpoint import shipped
from ...run.device import autocast, bfloat16

Features = Callable[[Tensor], list[Tensor]]
"""Float32 (N, C, H, W) of each tensor asked for, of float32 (N, 3, H, W), RGB in [-1, 1]."""


def open_features(name: str, root: Path, wanted: Sequence[str], device: torch.device) -> Features:
    """``wanted`` tensors of ``file.onnx``, ``model:weights.safetensors`` or a shipped model.

    Args:
        root: folder that files are relative to.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it has no such tensor; names the closest and lists those that it has. Or no
            such model, or weights of another.
    """
    if name.endswith(".onnx"):
        path = root / name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such teacher; teacher.model names it")
        return _of_file(path, wanted, device)
    model, _, weights = name.partition(":")
    if weights and not (root / weights).is_file():
        raise FileNotFoundError(f"{root / weights}: no such weights; teacher.model names them")
    network = models.load(model, root / weights if weights else shipped(model))
    modules = [known for known, _ in network.named_modules() if known]
    _check(name, wanted, modules)
    return Hooked(network, wanted, device)


class Hooked:
    """Outputs of modules of a network in evaluation mode."""

    def __init__(self, network: nn.Module, wanted: Sequence[str], device: torch.device):
        self.wanted, self.device, self.half = list(wanted), device, bfloat16("auto", device)
        network = network.eval().requires_grad_(False).to(device)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.seen: dict[str, Tensor] = {}
        for name, module in self.network.named_modules():
            if name in self.wanted:
                module.register_forward_hook(self._keep(name))

    def __call__(self, x: Tensor) -> list[Tensor]:
        self.seen = {}
        half = autocast(self.device, enabled=self.half)
        with torch.no_grad(), half, contextlib.suppress(_Enough):
            self.network(x)
        found, self.seen = self.seen, {}
        return [found[name] for name in self.wanted]

    def _keep(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self.seen[name] = output.float()
            if len(self.seen) == len(set(self.wanted)):
                raise _Enough

        return hook


class _Enough(Exception):  # noqa: N818 (no error: it ends a forward that has given all)
    pass


class Converted:
    """Tensors of an ONNX file whose nodes run in torch."""

    def __init__(self, network: convert.Network, wanted: Sequence[str], device: torch.device):
        self.wanted, self.device, self.half = list(wanted), device, bfloat16("auto", device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network.to(device)
        outputs = [output for _, output in network.names]
        self.count = 1 + max(outputs.index(name) for name in wanted)

    def __call__(self, x: Tensor) -> list[Tensor]:
        values = {self.network.given: x * 127.5 + 127.5}
        kept = {}
        with torch.no_grad(), autocast(self.device, enabled=self.half):
            steps = zip(self.network.steps, self.network.names, strict=True)
            for _, (module, (inputs, output)) in zip(range(self.count), steps, strict=False):
                values[output] = module(*(values[name] for name in inputs))
                if output in self.wanted:
                    # A copy: the next node may write over its input.
                    kept[output] = values[output].float().clone()
        return [kept[name] for name in self.wanted]


class Runtime:
    """Tensors of an ONNX file by onnxruntime, on the host."""

    def __init__(self, path: Path, wanted: Sequence[str], device: torch.device):
        model = onnx.load(path)
        known = {value.name for value in model.graph.output}
        model.graph.output.extend(
            onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name not in known
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        given = self.session.get_inputs()[0]
        self.name, self.wanted, self.device = given.name, list(wanted), device
        self.step = given.shape[0] if isinstance(given.shape[0], int) else 0

    def __call__(self, x: Tensor) -> list[Tensor]:
        pixels = (x * 127.5 + 127.5).cpu().contiguous()
        parts = [
            self.session.run(self.wanted, {self.name: part.numpy()})
            for part in pixels.split(self.step or len(pixels))
        ]
        return [
            torch.cat([torch.from_numpy(value) for value in values]).to(self.device)
            for values in zip(*parts, strict=True)
        ]


def _of_file(path: Path, wanted: Sequence[str], device: torch.device) -> Features:
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf raises a type of its own
        raise ValueError(f"{path}: not an ONNX file ({type(error).__name__})") from error
    _check(str(path), wanted, [name for node in graph.node for name in node.output if name])
    try:
        network = convert.read(path)
        if {output for _, output in network.names}.issuperset(wanted):
            return Converted(network, wanted, device)
        reason = "a tensor lies between what is folded into one there"
    except convert.UnsupportedError as error:
        reason = str(error)
    print(f"note: {path.name} runs in onnxruntime, slower than in torch: {reason}", file=sys.stderr)
    return Runtime(path, wanted, device)


def _check(where: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"; the closest: {', '.join(close)}" if close else ""
            raise ValueError(
                f"teacher.tensors: {where} has no {name!r}{hint}. It has: {', '.join(known)}"
            )
