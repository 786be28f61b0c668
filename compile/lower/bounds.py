"""What scaled accumulators can reach, and whether a result is clamped."""

from __future__ import annotations

import numpy as np

from ..graph import INT8_MAX, INT8_MIN, Op, Sum


def clamped(op: Op) -> bool:
    return (op.low, op.high) != (INT8_MIN, INT8_MAX)


def largest(reach: np.ndarray | int, *scales: np.ndarray | np.float32) -> float:
    """The largest magnitude of an accumulator up to ``reach`` times its scale."""
    return max(float((reach * np.abs(np.float64(scale))).max()) for scale in scales)


def largest_sum(total: Sum) -> float:
    """The largest magnitude of a sum's result, in steps."""
    return (255 * (total.a_factor + total.b_factor) + abs(total.offset)) * 2.0**-total.shift
