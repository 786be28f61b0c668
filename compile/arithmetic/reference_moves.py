"""The reference of operators that move stored values and compute nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Concat, Constant, Enter, Move, Op, Rows, Select, Stack, Tensor


def _concat(
    op: Concat, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    return np.concatenate(inputs, axis=1 + op.axis)


def _constant(
    op: Constant, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    return np.repeat(op.values[None], count, axis=0)


def _select(
    op: Select, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    rows, columns, channels = np.ix_(op.rows, op.columns, op.channels)
    found = inputs[0][:, rows, columns, channels]
    outside = (rows < 0) | (columns < 0) | (channels < 0)
    return np.where(outside, found.dtype.type(op.fill), found)


def _move(
    op: Move, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    axes = [0, *(1 + axis for axis in op.order)]
    whole = inputs[0].reshape(len(inputs[0]), *op.shape).transpose(axes)
    return np.ascontiguousarray(whole).reshape(-1, *y.shape)


def _rows(
    op: Rows | Enter, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    return inputs[0][:, op.first : op.first + y.height]


def _stack(
    op: Stack, inputs: list[np.ndarray], tensors: Sequence[Tensor], y: Tensor, count: int
) -> np.ndarray:
    return np.concatenate(inputs, axis=1)


RULES: dict[type[Op], Callable[[Any, list[np.ndarray], Sequence[Tensor], Tensor, int], np.ndarray]]
RULES = {
    Concat: _concat,
    Constant: _constant,
    Select: _select,
    Move: _move,
    Rows: _rows,
    Enter: _rows,
    Stack: _stack,
}
