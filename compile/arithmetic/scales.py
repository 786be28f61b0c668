"""The scale of a layer's rescale as files mean it, and how large its accumulators can become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Norm:
    """A file's norm: ``gain (x - mean) / (sqrt(factor variance + inside) + beside) + shift``.

    The variance is the mean of the squares; ``gain`` and ``shift`` are float64, one a channel. Not
    ``centred``: without the mean, and the variance that of the values themselves.
    """

    gain: np.ndarray
    shift: np.ndarray
    factor: float = 1.0
    inside: float = 0.0
    beside: float = 0.0
    centred: bool = True

    def numbers(self, size: int, x: float, y: float) -> dict[str, Any]:
        """The fields of graph.LayerNorm over ``size`` values of scale ``x``, for a result of ``y``.

        Raises:
            ValueError: ``inside`` is beyond 2^62 in steps, so that no variance counts beside it.
        """
        unit = min(15, math.floor(21.9 - math.log2(size) / 2))
        inside = self.inside * (size / x) ** 2 / self.factor
        shift = math.floor(61 - math.log2((size * STEPS) ** 2 + inside)) // 2 * 2
        if shift < 0:
            raise ValueError(f"an epsilon of {self.inside} is all that counts beside steps of {x}")
        gain = self.gain / math.sqrt(self.factor) / y * 2.0**-unit
        wanted = self.shift / y
        # A gain so small that the shift in its units would pass int32 counts for nothing.
        gain = np.where(
            np.abs(gain) * MOST_SHIFT > np.abs(wanted), gain, np.abs(wanted) / MOST_SHIFT
        )
        bias = np.divide(wanted, gain, out=np.zeros_like(gain), where=gain != 0)
        return {
            "bias": np.rint(bias).astype(np.int32),
            "scale": gain.astype(np.float32),
            "unit": unit,
            "shift": shift,
            "inside": round(inside * 2.0**shift),
            "centred": self.centred,
            "beside": np.float32(self.beside * size / x / math.sqrt(self.factor)),
        }


MOST_SHIFT = 2.0**30
"""The largest shift of a norm, in units of its deviations."""
