"""In which form a rescale or sum is computed: float32, 16-bit words, integer factors."""

from __future__ import annotations

import numpy as np

from ..arithmetic.multiply_add import FloatSum, float_sum
from ..arithmetic.words import Words, word_factors
from ..graph import (
    FusedAdd,
    Op,
)
from .program import Program

WIDE, SHORT = 2.0**30, 2.0**15 - 2**6
"""Bounds of scaled accumulators in int32, whose conversions do not saturate, and in int16."""


def words_of(
    program: Program, op: Op, positive: np.ndarray, negative: np.ndarray, zero_point: int
) -> Words | None:
    """16-bit factors of a rescale into the output of ``op``, where kernels and numbers have any."""
    if not program.isa.bytes:
        return None
    y = program.graph.tensors[op.output]
    low, high = op.low - y.zero_point, op.high - y.zero_point
    words = word_factors(positive, negative, zero_point, low, high)
    return words.less_one() if words and program.isa.accumulates else words


def float_sum_of(program: Program, add: FusedAdd, a_zero: int, other: str) -> FloatSum | None:
    """Float factors of an add, where there are any and the kernels have multiply-adds."""
    if not program.isa.saturates:
        return None
    b_zero = program.graph.tensors[other].zero_point
    return float_sum(add.sum, a_zero, b_zero, program.isa.offset)


def short(program: Program, most: float) -> bool:
    return program.isa.truncates and most < SHORT
