"""Integer-rule constants whose results are the file's float operators bit for bit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from ..graph import INT8_MAX, INT8_MIN, Sum, Tensor
from . import reference

STORED = np.arange(INT8_MIN, INT8_MAX + 1)


ULPS = np.array(sorted(range(-8, 9), key=abs))


FACTOR_LIMIT = 2**23 - 2**14
"""Largest factor of an addition: 8-bit stored values times it, plus an offset, fit int32."""


NUDGES = sorted(itertools.product(range(-3, 4), repeat=2), key=lambda pair: sum(map(abs, pair)))


def dequantise(stored: np.ndarray, tensor: Tensor) -> np.ndarray:
    """DequantizeLinear in float32."""
    return (stored - tensor.zero_point).astype(np.float32) * np.float32(tensor.scale)


def quantise(real: np.ndarray, tensor: Tensor) -> np.ndarray:
    """QuantizeLinear in float32, int32 steps from the zero point."""
    with np.errstate(over="ignore"):  # infinity saturates as it should
        steps = real.astype(np.float32) / np.float32(tensor.scale)
    low, high = INT8_MIN - tensor.zero_point, INT8_MAX - tensor.zero_point
    return np.rint(np.clip(steps, np.float32(low), np.float32(high))).astype(np.int32)


def rescale_factors(x: Tensor, y: Tensor, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Float32 (C) factors of positive and negative values for ``y = x if x > 0 else slope x``.

    Args:
        slope: float32 (C) or (1).

    Returns:
        The two tables, and how many of the 256 C results no factor nearby gives as the file does.
    """
    acc = STORED - x.zero_point
    real = dequantise(STORED, x)
    upper = _nearest(acc[acc >= 0], quantise(real[acc >= 0], y)[None], x.scale / y.scale, y)
    slopes = slope.astype(np.float32).reshape(-1, 1)
    wanted = quantise(real[acc < 0] * slopes, y)
    lower = _nearest(acc[acc < 0], wanted, x.scale / y.scale * slopes.astype(np.float64), y)
    misses = (upper[1] + lower[1] * (x.channels // slope.size)).sum()
    return (
        np.broadcast_to(upper[0], x.channels).copy(),
        np.broadcast_to(lower[0], x.channels).copy(),
        int(misses),
    )


def _nearest(
    acc: np.ndarray, wanted: np.ndarray, factor: np.ndarray | float, y: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Per row of ``wanted`` the float32 nearest ``factor`` that misses least, and its misses."""
    first = np.asarray(factor, np.float32).reshape(-1, 1)
    factors = first + ULPS.astype(np.float32) * np.spacing(first)
    low, high = np.float32(INT8_MIN - y.zero_point), np.float32(INT8_MAX - y.zero_point)
    found = np.rint(np.clip(acc.astype(np.float32) * factors[:, :, None], low, high))
    misses = (found != wanted[:, None]).sum(axis=2)
    best = misses.argmin(axis=1)
    rows = np.arange(len(factors))
    return factors[rows, best], misses[rows, best]


def product_factor(a: Tensor, b: Tensor, y: Tensor) -> tuple[np.float32, int]:
    """The float32 scale of ``y = a * b`` over products of zero-based stored values.

    Returns:
        The scale, and how many of the 65,536 pairs of operands are one step from the file's.
    """
    real = dequantise(STORED, a)[:, None] * dequantise(STORED, b)[None]
    acc = (STORED - a.zero_point)[:, None] * (STORED - b.zero_point)[None]
    wanted = quantise(real, y).reshape(1, -1)
    scale, misses = _nearest(acc.ravel(), wanted, a.scale * b.scale / y.scale, y)
    return np.float32(scale[0]), int(misses[0])


def table(x: Tensor, y: Tensor, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """int8 (256): the stored result of ``function`` (float32 to float32) for every stored value."""
    return (quantise(function(dequantise(STORED, x)), y) + y.zero_point).astype(np.int8)


def sum_factors(a: Tensor, b: Tensor, y: Tensor) -> tuple[Sum, int]:
    """The integer factors of README.md for ``y = a + b``.

    Returns:
        The factors, and how many of the 65,536 pairs of operands are one step from the file's.
    """
    first, second = (values - t.zero_point for values, t in ((STORED, a), (STORED, b)))
    grid = [v.ravel().astype(np.int64) for v in np.meshgrid(first, second, indexing="ij")]
    real = dequantise(STORED, a)[:, None] + dequantise(STORED, b)[None]
    wanted = quantise(real, y).ravel()
    ratios = a.scale / y.scale, b.scale / y.scale
    peaks = np.abs(first).max(), np.abs(second).max()
    largest = sum(ratio * float(peak) for ratio, peak in zip(ratios, peaks, strict=True))
    shift = math.floor(math.log2(min((2**31 - 2**16) / largest, FACTOR_LIMIT / max(ratios))))
    factors = [round(ratio * 2.0**shift) for ratio in ratios]

    # Only pairs whose sum falls near a tie can be rounded either way.
    steps = (grid[0] * factors[0] + grid[1] * factors[1]) * 2.0**-shift
    reach = 2.0 ** (12 - shift) + 1e-4
    open_pairs = np.abs(steps - np.floor(steps) - 0.5) < reach
    near = [values[open_pairs].astype(np.int32) for values in grid]
    goal = wanted[open_pairs]
    low, high = INT8_MIN - y.zero_point, INT8_MAX - y.zero_point
    best, least = Sum(factors[0], factors[1], shift), len(wanted)
    for da, db in NUDGES:
        moved = factors[0] + da, factors[1] + db
        if not 0 <= min(moved) <= max(moved) <= FACTOR_LIMIT:
            continue
        total = near[0].astype(np.int64) * moved[0] + near[1].astype(np.int64) * moved[1]
        floor = np.where(goal > low, (goal - 0.5) * 2.0**shift - total, -np.inf).max(initial=-4096)
        ceiling = np.where(goal < high, (goal + 0.5) * 2.0**shift - total, np.inf).min(initial=4096)
        offset = 0 if floor < 0 < ceiling else round((floor + ceiling) / 2)
        for candidate in dict.fromkeys((0, offset)):
            if abs(candidate) > 4096:
                continue
            trial = Sum(moved[0], moved[1], shift, candidate)
            found = reference.add(near[0], near[1], trial, y.zero_point, INT8_MIN, INT8_MAX)
            misses = int((found != goal + y.zero_point).sum())
            if misses < least:
                best, least = trial, misses
        if least == 0:
            break
    return best, least
