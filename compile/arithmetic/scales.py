"""The scale of a layer's rescale as files mean it, and how large its accumulators can become."""

from __future__ import annotations

import numpy as np

from ..graph import INT8_MAX, INT8_MIN

STEPS = INT8_MAX - INT8_MIN
"""Largest distance of a stored activation from its zero point, whatever that is."""

INT32_MAX = 2**31 - 1


def layer_scale(x: float, weight: np.ndarray, y: float) -> np.ndarray:
    """float32 (C): ``x * weight / y``, each step rounded to float32 as onnxruntime does it."""
    return np.float32(x) * weight.astype(np.float32) / np.float32(y)


def reach(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """int64 (O): a bound of each channel's absolute accumulator, whatever the zero point is.

    Args:
        weight: int8 (O, ...).
        bias: int32 (O).
    """
    total = np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1)
    return np.asarray(STEPS * total + np.abs(bias.astype(np.int64)))


def extremes(weight: np.ndarray, bias: np.ndarray, zero_point: int) -> tuple[int, int]:
    """The least and the largest accumulator of a layer whose input has ``zero_point``."""
    flat = weight.astype(np.int64).reshape(len(weight), -1)
    positive, negative = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    low, high = INT8_MIN - zero_point, INT8_MAX - zero_point
    largest = bias.astype(np.int64) + positive * high + negative * low
    least = bias.astype(np.int64) + positive * low + negative * high
    return int(least.min()), int(largest.max())
