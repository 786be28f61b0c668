"""ONNX files of plain convolutional embedders as torch modules, their norms folded away.

onnxruntime knows neither the processor's bfloat16 nor, in the build for CPUs, a GPU, and it spends
half of MobileFace V2's time on two dead channels: their numbers are denormal, which processors
multiply many times slower than others. The networks that teach are small chains of convolutions,
so a dozen operators are enough; whatever has another one stays with onnxruntime.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from .nodes import UnsupportedError, module_of

TINY = 1e-20
"""Weights below this are zero: next to pixels they are nothing, and denormal products are slow."""


class Network(nn.Module):
    """The nodes of a graph in order; float32 (N, 3, H, W), as the file takes it, to (N, D).

    Args:
        nodes: module, names of its inputs, name of its output.
        given: name of the graph's input.
        wanted: name of its output.
        size: the input's height and width.
    """

    def __init__(
        self,
        nodes: list[tuple[nn.Module, list[str], str]],
        given: str,
        wanted: str,
        size: tuple[int, int],
    ):
        super().__init__()
        self.size = size
        self.steps = nn.ModuleList(module for module, _, _ in nodes)
        self.names = [(inputs, output) for _, inputs, output in nodes]
        self.given, self.wanted = given, wanted

    def forward(self, x: Tensor) -> Tensor:
        values = {self.given: x}
        for module, (inputs, output) in zip(self.steps, self.names, strict=True):
            values[output] = module(*(values[name] for name in inputs))
        return values[self.wanted]


def read(path: Path) -> Network:
    """The network of an ONNX file, in evaluation mode and float32, batch norms folded.

    Raises:
        UnsupportedError: no ONNX file; an operator, or an attribute of one, that is not known.
    """
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf raises a type of its own
        raise UnsupportedError(f"not an ONNX file ({type(error).__name__})") from error
    constants = {tensor.name: tensor for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in constants]
    if len(given) != 1 or len(graph.output) != 1:
        raise UnsupportedError("one input and one output expected")
    sides = [side.dim_value for side in given[0].type.tensor_type.shape.dim]
    if len(sides) != 4 or not all(sides[2:]):
        raise UnsupportedError("an input (N, 3, H, W) of fixed height and width expected")
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(value.name for value in graph.output)
    made: list[tuple[nn.Module, list[str], str]] = []
    for node in graph.node:
        if node.op_type == "Constant":
            found = {item.name: item.t for item in node.attribute}
            if "value" in found:
                constants[node.output[0]] = found["value"]
                continue
        module = module_of(node, constants, in_place=bool(made) and uses[node.input[0]] == 1)
        inputs = [name for name in node.input if name not in constants]
        before = made[-1] if made else None
        if before and inputs == [before[2]] and uses[before[2]] == 1:
            folded = _folded(before[0], module)
            if folded is not None:
                made[-1] = folded, before[1], node.output[0]
                continue
        made.append((module, inputs, node.output[0]))
    network = Network(made, given[0].name, graph.output[0].name, (sides[2], sides[3]))
    network.eval().requires_grad_(False)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value[value.abs() < TINY] = 0
    return network


def _folded(before: nn.Module, module: nn.Module) -> nn.Module | None:
    """Both as one module, where there is one."""
    if isinstance(before, nn.Conv2d) and isinstance(module, nn.BatchNorm2d):
        return fuse_conv_bn_eval(before, module)
    if isinstance(before, nn.Linear) and isinstance(module, nn.BatchNorm2d):
        return fuse_linear_bn_eval(before, module)
    if isinstance(before, nn.Hardtanh) and isinstance(module, nn.Hardtanh):
        low, high = (
            float(min(max(bound, module.min_val), module.max_val))
            for bound in (before.min_val, before.max_val)
        )
        return nn.Hardtanh(low, high, before.inplace)
    return None
