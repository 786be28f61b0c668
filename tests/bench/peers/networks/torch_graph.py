"""An ONNX file as a torch module, for peers that convert torch programs and read no ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def export_program(source: Path, out: Path, example: Any) -> Path:
    """Writes the network of ``source`` as a program of ``torch.export`` to ``out``.

    So a peer converts the very graph, folded or with its PReLUs rewritten, that the others run.
    ``example``: float32 array of the input's shape.
    """
    import torch

    partial = out.with_suffix(".partial.pt2")
    with torch.no_grad():
        program = torch.export.export(module(source), (torch.from_numpy(example),), strict=False)
    torch.export.save(program, partial)
    partial.replace(out)
    return out


def module(source: Path) -> Any:
    """The network of a float ONNX file as an ``nn.Module``; ValueError for an unknown operator."""
    import numpy as np
    import onnx
    import torch
    from onnx import helper, numpy_helper

    graph = onnx.load(source).graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    steps = []
    for node in graph.node:
        given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        if node.op_type == "Constant":
            stored[node.output[0]] = numpy_helper.to_array(given["value"])
            continue
        if node.op_type not in _OPERATORS:
            raise ValueError(f"{source.name}: no torch form of the operator {node.op_type}")
        steps.append((_OPERATORS[node.op_type], list(node.input), node.output[0], given))
    entry, leaving = graph.input[0].name, graph.output[0].name

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.names = {}
            for index, (name, array) in enumerate(stored.items()):
                self.names[name] = f"w{index}"
                tensor = torch.from_numpy(np.array(array))
                if tensor.is_floating_point():
                    self.register_parameter(f"w{index}", torch.nn.Parameter(tensor, False))
                else:
                    setattr(self, f"w{index}", tensor.tolist())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            values = {name: getattr(self, own) for name, own in self.names.items()}
            values[entry] = x
            for operator, inputs, output, given in steps:
                values[output] = operator([values[name] for name in inputs], given)
            return values[leaving]

    return Network().eval()


def _conv(x: list[Any], given: dict[str, Any]) -> Any:
    from torch.nn import functional as F

    picture, padding = _padded(x[0], given.get("pads", [0] * 4), 0.0)
    bias = x[2] if len(x) > 2 else None
    steps = given.get("strides", [1, 1])
    dilations = given.get("dilations", [1, 1])
    return F.conv2d(picture, x[1], bias, steps, padding, dilations, given.get("group", 1))


def _max_pool(x: list[Any], given: dict[str, Any]) -> Any:
    from torch.nn import functional as F

    picture, padding = _padded(x[0], given.get("pads", [0] * 4), float("-inf"))
    steps = given.get("strides", [1, 1])
    ceil = bool(given.get("ceil_mode", 0))
    return F.max_pool2d(picture, given["kernel_shape"], steps, padding, ceil_mode=ceil)


def _padded(picture: Any, pads: list[int], value: float) -> tuple[Any, list[int]]:
    """Symmetric padding stays with the operator, whose kernels fuse it; other is made explicit."""
    from torch.nn import functional as F

    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return picture, [top, left]
    return F.pad(picture, [left, right, top, bottom], value=value), [0, 0]


def _prelu(x: list[Any], given: dict[str, Any]) -> Any:
    from torch.nn import functional as F

    return F.prelu(x[0], x[1].reshape(-1))


def _norm(x: list[Any], given: dict[str, Any]) -> Any:
    from torch.nn import functional as F

    picture, scale, shift, mean, variance = x
    epsilon = given.get("epsilon", 1e-5)
    return F.batch_norm(picture, mean, variance, scale, shift, eps=epsilon)


def _gemm(x: list[Any], given: dict[str, Any]) -> Any:
    from torch.nn import functional as F

    if (given.get("alpha", 1.0), given.get("beta", 1.0), given.get("transA", 0)) != (1.0, 1.0, 0):
        raise ValueError("no torch form of a Gemm that scales or transposes its input")
    weight = x[1] if given.get("transB", 0) else x[1].T
    return F.linear(x[0], weight, x[2] if len(x) > 2 else None)


def _slice(x: list[Any], given: dict[str, Any]) -> Any:
    starts, ends = x[1], x[2]
    axes = x[3] if len(x) > 3 else list(range(len(starts)))
    steps = x[4] if len(x) > 4 else [1] * len(starts)
    picked = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        picked[axis] = slice(start, min(end, x[0].shape[axis]), step)
    return x[0][tuple(picked)]


def _concat(x: list[Any], given: dict[str, Any]) -> Any:
    import torch

    return torch.cat(x, given["axis"])


_OPERATORS: dict[str, Any] = {
    "Add": lambda x, given: x[0] + x[1],
    "BatchNormalization": _norm,
    "Concat": _concat,
    "Conv": _conv,
    "Flatten": lambda x, given: x[0].flatten(given.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x, given: x[0].mean((2, 3), keepdim=True),
    "Identity": lambda x, given: x[0],
    "MaxPool": _max_pool,
    "Mul": lambda x, given: x[0] * x[1],
    "Neg": lambda x, given: -x[0],
    "PRelu": _prelu,
    "Relu": lambda x, given: x[0].relu(),
    "Sigmoid": lambda x, given: x[0].sigmoid(),
    "Slice": _slice,
    "Sub": lambda x, given: x[0] - x[1],
}
"""Torch forms of what our exports and folded graphs hold."""
