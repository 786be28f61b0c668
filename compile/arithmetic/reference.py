"""The numpy reference: executes the int8 graph literally; every kernel's oracle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import (
    Add,
    Conv,
    Graph,
    Multiply,
    Op,
    Pool,
    Rescale,
    Sum,
    Table,
    Tensor,
    results,
)
from . import reference_attention, reference_moves, reference_real


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The one output int8 (N, height, width, channels) of a batch int8 of the one input."""
    (output,) = graph.outputs
    return run_all(graph, [x])[output]


def run_all(
    graph: Graph, inputs: Sequence[np.ndarray], keep: bool = False
) -> dict[str, np.ndarray]:
    """Every tensor by name; with ``keep`` false only those still needed, so memory stays small.

    Args:
        inputs: int8 (N, height, width, channels) of each input, float32 where the input is.

    Raises:
        ValueError: the inputs are not of the graph's input types and shapes.
    """
    values: dict[str, np.ndarray] = {}
    for name, x in zip(graph.inputs, inputs, strict=True):
        expected, dtype = graph.tensors[name].shape, graph.tensors[name].dtype
        if x.dtype != dtype or x.shape[1:] != expected or len(x) != len(inputs[0]):
            shape = ", ".join(map(str, expected))
            raise ValueError(
                f"input {name!r}: expected {dtype} (N, {shape}), as many of each input, got "
                f"{x.dtype} {x.shape}"
            )
        values[name] = x
    last_use = {name: index for index, op in enumerate(graph.ops) for name in op.inputs}
    for index, op in enumerate(graph.ops):
        operands = [values[name] for name in op.inputs]
        values[op.output] = execute(graph, op, operands, len(inputs[0]))
        if not keep:
            for name in op.inputs:
                if last_use[name] == index and name not in graph.outputs:
                    values.pop(name, None)
    return values


def execute(graph: Graph, op: Op, inputs: list[np.ndarray], count: int = 1) -> np.ndarray:
    """The result of one operator; ``count`` is N where it has no input."""
    tensors = [graph.tensors[name] for name in op.inputs]
    y = graph.tensors[op.output]
    if isinstance(op, Conv):
        return _conv(op, inputs, tensors, y)
    if isinstance(op, Rescale):
        acc = inputs[0].astype(np.int32) - tensors[0].zero_point
        return rescale(acc, op.scale, op.negative_scale, y.zero_point, op.low, op.high)
    if isinstance(op, Add):
        a, b = (v.astype(np.int32) - t.zero_point for v, t in zip(inputs, tensors, strict=True))
        return add(a, b, op.sum, y.zero_point, op.low, op.high)
    if isinstance(op, Multiply):
        a, b = (v.astype(np.int32) - t.zero_point for v, t in zip(inputs, tensors, strict=True))
        return rescale(a * b, op.scale, None, y.zero_point, op.low, op.high)
    if isinstance(op, Table):
        return _table(op, inputs[0])
    if isinstance(op, Pool):
        return _pool(op, inputs[0], tensors[0], y)
    for others in (reference_moves, reference_real, reference_attention):
        rule = others.RULES.get(type(op))
        if rule is not None:
            return rule(op, inputs, tensors, y, count)
    raise TypeError(f"no reference for {type(op).__name__}")


def rescale(
    acc: np.ndarray,
    scale: np.ndarray | np.float32,
    negative_scale: np.ndarray | None,
    zero_point: int,
    low: int,
    high: int,
) -> np.ndarray:
    """README.md, rescale: int32 accumulator to int8."""
    factor = np.asarray(scale, np.float32)
    if negative_scale is not None:
        factor = np.where(acc >= 0, factor, np.asarray(negative_scale, np.float32))
    real = acc.astype(np.float32) * factor
    real = np.clip(real, np.float32(low - zero_point), np.float32(high - zero_point))
    return (np.rint(real).astype(np.int32) + zero_point).astype(np.int8)


def add(
    a: np.ndarray, b: np.ndarray, total: Sum, zero_point: int, low: int, high: int
) -> np.ndarray:
    """README.md, add, of zero-based int32 operands."""
    acc = a * np.int32(total.a_factor) + b * np.int32(total.b_factor) + np.int32(total.offset)
    return rescale(acc, np.float32(2.0**-total.shift), None, zero_point, low, high)


def windows(
    x: np.ndarray,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    fill: int,
    out: tuple[int, int],
) -> np.ndarray:
    """View (N, out height, out width, C, kh, kw) of the input's windows.

    Negative ``pads`` crop: the first rows and columns here, the last ones as ``out`` says.
    """
    top, left, bottom, right = (max(p, 0) for p in pads)
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    padded = padded[:, max(-pads[0], 0) :, max(-pads[1], 0) :]
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
    return view[:, :: stride[0], :: stride[1]][:, : out[0], : out[1]]


def _conv(op: Conv, inputs: list[np.ndarray], tensors: list[Tensor], y: Tensor) -> np.ndarray:
    acc = accumulate(op, inputs[0], tensors[0].zero_point, (y.height, y.width))
    if y.real:
        return acc.astype(np.float32) * op.scale.astype(np.float32)
    # One int8 value after the other, as if each were stored.
    formed = results(op, y, op.activation, op.add)
    zero, low, high = formed.pop(0)
    value = rescale(acc, op.scale, None, zero, low, high)
    if op.activation is not None:
        acc = value.astype(np.int32) - zero
        zero, low, high = formed.pop(0)
        value = rescale(acc, op.activation.scale, op.activation.negative_scale, zero, low, high)
    if op.add is not None:
        a = value.astype(np.int32) - zero
        b = inputs[1].astype(np.int32) - tensors[1].zero_point
        value = add(a, b, op.add.sum, *formed.pop(0))
    return value


def accumulate(op: Conv, x: np.ndarray, zero_point: int, out: tuple[int, int]) -> np.ndarray:
    """int32 accumulators (N, out height, out width, O), bias included.

    Sums are taken in float64, which is exact here: every partial sum is an integer below 2^53.
    """
    centred = windows(x.astype(np.float64) - zero_point, op.kernel, op.stride, op.pads, 0, out)
    weight = op.weight.astype(np.float64)
    outputs, per_group = weight.shape[:2]
    if op.depthwise:
        acc = np.einsum("nyxcij,cij->nyxc", centred, weight[:, 0])
    else:
        parts = []
        step = outputs // op.groups
        for group in range(op.groups):
            window = centred[:, :, :, group * per_group : (group + 1) * per_group]
            matrix = weight[group * step : (group + 1) * step].reshape(step, -1)
            flat = window.reshape(-1, matrix.shape[1])
            parts.append((flat @ matrix.T).reshape(*centred.shape[:3], step))
        acc = np.concatenate(parts, axis=3)
    total = acc + op.bias.astype(np.float64)
    if np.abs(total).max(initial=0) >= 2**31:
        raise OverflowError(f"{op.name}: the int32 accumulator overflows")
    return total.astype(np.int32)


def _table(op: Table, x: np.ndarray) -> np.ndarray:
    at = x.astype(np.int32) + 128
    found = op.table[at] if op.table.ndim == 1 else op.table[np.arange(x.shape[-1]), at]
    return np.clip(found, op.low, op.high).astype(np.int8)


def _pool(op: Pool, x: np.ndarray, source: Tensor, y: Tensor) -> np.ndarray:
    out = (y.height, y.width)
    if y.real:
        return reference_real.pool(op, x, out)
    if op.kind == "max":
        found = windows(x, op.kernel, op.stride, op.pads, -128, out).max(axis=(4, 5))
        return np.clip(found, op.low, op.high).astype(np.int8)
    centred = x.astype(np.int32) - source.zero_point
    acc = windows(centred, op.kernel, op.stride, op.pads, 0, out).sum(axis=(4, 5), dtype=np.int32)
    assert op.scale is not None
    scale = op.scale[None, :, :, None]
    return rescale(acc, scale, None, y.zero_point, op.low, op.high)
