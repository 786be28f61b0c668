"""The reference of operators that enter, leave or compute in float32, and of those by tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import (
    INT8_MAX,
    INT8_MIN,
    ArgMax,
    Dequantise,
    Interpolate,
    Op,
    Pool,
    Quantise,
    RealBinary,
    RealConv,
    RealUnary,
    Softmax,
    Tensor,
)
from . import curves


def larger(a: np.ndarray, b: np.ndarray | np.float32) -> np.ndarray:
    """The first of two zeros of either sign, where numpy's own depends on the processor."""
    return np.where((a < b) | np.isnan(b), b, a)


def smaller(a: np.ndarray, b: np.ndarray | np.float32) -> np.ndarray:
    """The same for the lesser one."""
    return np.where((b < a) | np.isnan(b), b, a)


def nearest(x: np.ndarray) -> np.ndarray:
    """To the nearest whole number, ties to even; from 2^22 on all but halves are one already."""
    return np.where(np.abs(x) < 2**22, np.rint(x) + np.float32(0), x)


def sign(x: np.ndarray) -> np.ndarray:
    """-1, 0 or 1."""
    return (x > 0).astype(np.float32) - (x < 0).astype(np.float32)


UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "round": nearest,
    "sign": sign,
    "exp": curves.exp,
    "log": curves.log,
}

BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": larger,
    "minimum": smaller,
}


def quantise(real: np.ndarray, y: Tensor, low: int = INT8_MIN, high: int = INT8_MAX) -> np.ndarray:
    """README.md, quantise: float32 to int8; not a number becomes the zero point."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        steps = real.astype(np.float32) / np.float32(y.scale)
    steps = np.where(np.isnan(steps), np.float32(0), steps)
    steps = np.clip(steps, np.float32(low - y.zero_point), np.float32(high - y.zero_point))
    return (np.rint(steps).astype(np.int32) + y.zero_point).astype(np.int8)


def pool(op: Pool, x: np.ndarray, out: tuple[int, int]) -> np.ndarray:
    """Pooling of float32 (N, H, W, C): sums in the order of rows, then columns, of a window."""
    top, left, bottom, right = (max(pad, 0) for pad in op.pads)
    least = np.float32(-np.inf if op.kind == "max" else 0)
    around = ((0, 0), (top, bottom), (left, right), (0, 0))
    padded = np.pad(x, around, constant_values=least)[:, max(-op.pads[0], 0) :]
    padded = padded[:, :, max(-op.pads[1], 0) :]
    found = np.full((len(x), *out, x.shape[-1]), least, np.float32)
    for ky in range(op.kernel[0]):
        for kx in range(op.kernel[1]):
            window = padded[:, ky :: op.stride[0], kx :: op.stride[1]][:, : out[0], : out[1]]
            found = larger(found, window) if op.kind == "max" else found + window
    if op.kind == "max":
        return found
    assert op.scale is not None
    return found * op.scale.astype(np.float32)[None, :, :, None]


def _quantise(
    op: Quantise, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    return quantise(inputs[0], y, op.low, op.high)


def _dequantise(
    op: Dequantise, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    steps = inputs[0].astype(np.int32) - tensors[0].zero_point
    return steps.astype(np.float32) * np.float32(tensors[0].scale)


def _unary(
    op: RealUnary, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    x = inputs[0]
    if op.kind == "prelu":
        assert op.slope is not None
        return np.where(x < 0, x * op.slope.astype(np.float32), x)
    if op.kind == "clip":
        return smaller(larger(x, np.asarray(op.least, np.float32)), np.asarray(op.most, np.float32))
    with np.errstate(invalid="ignore"):
        return UNARY[op.kind](x)


def _binary(
    op: RealBinary, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return BINARY[op.kind](*inputs)


def _conv(
    op: RealConv, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    top, left, bottom, right = (max(pad, 0) for pad in op.pads)
    x = np.pad(inputs[0], ((0, 0), (top, bottom), (left, right), (0, 0)))
    x = x[:, max(-op.pads[0], 0) :, max(-op.pads[1], 0) :]
    outputs, per_group = op.weight.shape[:2]
    first = np.repeat(np.arange(op.groups) * per_group, outputs // op.groups)
    found = np.zeros((len(x), y.height, y.width, outputs), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for ky in range(op.kernel[0]):
            for kx in range(op.kernel[1]):
                window = x[:, ky :: op.stride[0], kx :: op.stride[1]][:, : y.height, : y.width]
                for channel in range(per_group):
                    found += window[..., first + channel] * op.weight[:, channel, ky, kx]
        return found + op.bias.astype(np.float32)


def _argmax(
    op: ArgMax, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    x = inputs[0]
    best, at = x[..., :1], np.zeros((*x.shape[:3], 1), np.float32)
    for channel in range(1, x.shape[3]):
        value = x[..., channel : channel + 1]
        better = value >= best if op.last else value > best
        best = np.where(better, value, best)
        at = np.where(better, np.float32(channel), at)
    return at


def _softmax(
    op: Softmax, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    x = inputs[0].astype(np.int32)
    parts = op.table[x.max(axis=3, keepdims=True) - x]
    total = parts.sum(axis=3, keepdims=True, dtype=np.int32)
    share = parts.astype(np.float32) / total.astype(np.float32)
    return share if y.real else quantise(share, y, op.low, op.high)


def _interpolate(
    op: Interpolate, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    acc = inputs[0].astype(np.int32) - tensors[0].zero_point
    for axis, index, weight in ((1, op.rows, op.row_weights), (2, op.columns, op.column_weights)):
        shape = [-1 if axis == own else 1 for own in range(4)]
        following = np.minimum(index + 1, acc.shape[axis] - 1)
        first, second = acc.take(index, axis), acc.take(following, axis)
        share = weight.reshape(shape).astype(np.int32)
        acc = first * share + second * (np.int32(2**11) - share)
    real = np.clip(
        acc.astype(np.float32) * op.scale,
        np.float32(op.low - y.zero_point),
        np.float32(op.high - y.zero_point),
    )
    return (np.rint(real).astype(np.int32) + y.zero_point).astype(np.int8)


RULES: dict[type[Op], Callable[[Any, list[np.ndarray], Sequence[Tensor], Tensor, int], np.ndarray]]
RULES = {
    Quantise: _quantise,
    Dequantise: _dequantise,
    RealUnary: _unary,
    RealBinary: _binary,
    RealConv: _conv,
    ArgMax: _argmax,
    Softmax: _softmax,
    Interpolate: _interpolate,
}
