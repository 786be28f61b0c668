"""The reference of attention's operators: products of two activations, and layer norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import LayerNorm, MatMul, Op, Tensor

TOP = 62
"""Bits below which a variance stays while it is moved up, so that int64 holds it with its sign."""

HALVINGS = (32, 16, 8, 4, 2)
"""Even numbers of bits that a variance is moved up by where it stays below ``TOP`` bits."""

REACH = 2.0**22
"""What a deviation in its units is clamped to: kernels round by adding a magic number."""


def _heads(x: np.ndarray, heads: int, beside: bool) -> np.ndarray:
    """(N, heads, rows, columns) of (N, heads, rows, columns) or (N, 1, rows, heads * columns)."""
    if not beside:
        return x
    rows = x.reshape(len(x), x.shape[2], heads, -1)
    return np.ascontiguousarray(rows.transpose(0, 2, 1, 3))


def rescaled(
    acc: np.ndarray, scale: np.ndarray | np.float32, y: Tensor, low: int, high: int
) -> np.ndarray:
    """README.md, rescale."""
    steps = acc.astype(np.int32).astype(np.float32) * scale
    steps = np.clip(steps, np.float32(low - y.zero_point), np.float32(high - y.zero_point))
    return (np.rint(steps).astype(np.int32) + y.zero_point).astype(np.int8)


def _matmul(
    op: MatMul, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    a, b = (
        _heads(x.astype(np.int64) - tensor.zero_point, op.heads, beside)
        for x, tensor, beside in zip(inputs, tensors, op.beside[:2], strict=True)
    )
    scale = op.scale.reshape(-1, 1, 1)
    stored = rescaled(a @ b.transpose(0, 1, 3, 2), scale, y, op.low, op.high)
    return stored.transpose(0, 2, 1, 3).reshape(-1, *y.shape) if op.beside[2] else stored


def deviations(op: LayerNorm, x: np.ndarray, zero_point: int) -> np.ndarray:
    """int32: the values of each pixel less their mean, in units of 2^-unit deviations."""
    q, size = x.astype(np.int64) - zero_point, x.shape[-1]
    total, squares = (part.sum(axis=-1, keepdims=True) for part in (q, q * q))
    total = total if op.centred else np.zeros_like(total)
    spread = ((size * squares - total * total) << op.shift) + op.inside
    up = np.zeros(spread.shape, np.int32)
    for bits in HALVINGS:
        low = spread < 1 << (TOP - bits)
        spread, up = np.where(low, spread << bits, spread), up + np.where(low, bits, 0)
    mantissa = np.maximum(spread >> 32, 1).astype(np.float32)
    root = np.ldexp(np.sqrt(mantissa), 16 - (up + op.shift) // 2).astype(np.float32)
    factor = np.float32(2.0**op.unit) / (root + op.beside)
    steps = (size * q - total).astype(np.float32) * factor
    return np.rint(np.clip(steps, np.float32(-REACH), np.float32(REACH))).astype(np.int32)


def _layer_norm(
    op: LayerNorm, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    acc = deviations(op, inputs[0], tensors[0].zero_point) + op.bias
    return rescaled(acc, op.scale, y, op.low, op.high)


RULES: dict[type[Op], Callable[[Any, list[np.ndarray], Sequence[Tensor], Tensor, int], np.ndarray]]
RULES = {MatMul: _matmul, LayerNorm: _layer_norm}
