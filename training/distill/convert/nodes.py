"""Single ONNX nodes as torch modules: the operators that small convolutional networks have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn


class UnsupportedError(ValueError):
    """The graph holds what is not known here; the message names it."""


class Combine(nn.Module):
    """``function`` of two values, or of one and a constant (on either side)."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], *constants: Tensor | None):
        super().__init__()
        self.function = function
        self.first: Tensor | None
        self.second: Tensor | None
        self.register_buffer("first", constants[0])
        self.register_buffer("second", constants[1])

    def forward(self, *values: Tensor) -> Tensor:
        rest = iter(values)
        first = next(rest) if self.first is None else self.first
        return self.function(first, next(rest) if self.second is None else self.second)


def module_of(node: NodeProto, constants: dict[str, TensorProto], in_place: bool) -> nn.Module:
    """The module of ``node``; it takes the node's inputs that are not ``constants``.

    Args:
        in_place: nothing else reads the node's input.

    Raises:
        UnsupportedError: the operator, or an attribute of it, is not known here.
    """
    kind = node.op_type
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    # A missing optional input has the empty name.
    held = [_tensor(constants[name]) if name in constants else None for name in node.input]
    fixed = [value for value in held[1:] if value is not None]
    if kind in COMBINED and len(held) == 2:
        return Combine(COMBINED[kind], *held)
    if kind in CLAMPS and all(value.numel() == 1 for value in fixed):
        return nn.Hardtanh(*CLAMPS[kind](held, given), inplace=in_place)
    if kind in PLAIN and given.get("axis", 1) == 1:
        return PLAIN[kind]()
    if kind in WEIGHTED and len(fixed) == sum(bool(name) for name in node.input[1:]) > 0:
        module = WEIGHTED[kind](fixed, given)
        if module is not None:
            return module.eval().requires_grad_(False)
    raise UnsupportedError(f"{kind} {node.name or node.output[0]}: not known in this form")


def _tensor(value: TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(value).copy())


def _convolution(held: list[Tensor], given: dict[str, Any]) -> nn.Module | None:
    weight = held[0]
    pads = given.get("pads", [0, 0, 0, 0])
    if weight.ndim != 4 or pads[:2] != pads[2:] or given.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    groups = given.get("group", 1)
    module = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        (weight.shape[2], weight.shape[3]),
        stride=given.get("strides", [1, 1]),
        padding=pads[:2],
        dilation=given.get("dilations", [1, 1]),
        groups=groups,
        bias=len(held) > 1,
    )
    return _filled(module, weight=weight, bias=held[1] if len(held) > 1 else None)


def _linear(held: list[Tensor], given: dict[str, Any]) -> nn.Module | None:
    if (given.get("alpha", 1.0), given.get("beta", 1.0), given.get("transA", 0)) != (1.0, 1.0, 0):
        return None
    weight = held[0] if given.get("transB", 0) else held[0].t()
    bias = held[1].expand(len(weight)) if len(held) > 1 else None
    module = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    return _filled(module, weight=weight, bias=bias)


def _norm(held: list[Tensor], given: dict[str, Any]) -> nn.Module | None:
    module = nn.BatchNorm2d(len(held[0]), eps=given.get("epsilon", 1e-5))
    weight, bias, mean, variance = held
    return _filled(module, weight=weight, bias=bias, running_mean=mean, running_var=variance)


def _slopes(held: list[Tensor], given: dict[str, Any]) -> nn.Module | None:
    slopes = held[0].flatten()
    if held[0].shape[0] != len(slopes):
        return None
    return _filled(nn.PReLU(len(slopes)), weight=slopes)


def _filled(module: nn.Module, **values: Tensor | None) -> nn.Module:
    stored = {name: value for name, value in values.items() if value is not None}
    module.load_state_dict(stored, strict=False)
    return module


def _bounds(held: list[Tensor | None], given: dict[str, Any]) -> tuple[float, float]:
    low, high = (
        float(given.get(name, limit) if len(held) <= at or (found := held[at]) is None else found)
        for at, name, limit in ((1, "min", float("-inf")), (2, "max", float("inf")))
    )
    return low, high


COMBINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
}
CLAMPS: dict[str, Callable[[list[Tensor | None], dict[str, Any]], tuple[float, float]]] = {
    "Relu": lambda held, given: (0.0, float("inf")),
    "Clip": _bounds,
    "Max": lambda held, given: (float(held[1]), float("inf")),  # type: ignore[arg-type]
    "Min": lambda held, given: (float("-inf"), float(held[1])),  # type: ignore[arg-type]
}
PLAIN: dict[str, Callable[[], nn.Module]] = {
    "Flatten": nn.Flatten,
    "Identity": nn.Identity,
    "GlobalAveragePool": lambda: nn.AdaptiveAvgPool2d(1),
    "Sigmoid": nn.Sigmoid,
}
WEIGHTED: dict[str, Callable[[list[Tensor], dict[str, Any]], nn.Module | None]] = {
    "Conv": _convolution,
    "Gemm": _linear,
    "BatchNormalization": _norm,
    "PRelu": _slopes,
}
