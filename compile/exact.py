"""Chooses integer-rule constants whose results are the file's float operators bit for bit.

Between DequantizeLinear and QuantizeLinear a file computes in float32, and onnxruntime executes it
so: every multiplication, addition and division rounds. An operator on int8 has few operands (256
values, or 65,536 pairs), so its results are tabulated here as the file defines them, and constants
are moved by their last bits until the one rule of ARITHMETIC.md gives the same table.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import reference
from .graph import INT8_MAX, INT8_MIN, Sum, Tensor

STORED = np.arange(INT8_MIN, INT8_MAX + 1)
ULPS = np.array(sorted(range(-8, 9), key=abs))
FACTOR_LIMIT = 2**23 - 2**14
"""Largest factor of an addition: 8-bit stored values times it, plus an offset, fit int32."""

WORD_LIMIT = 2**15 - 1
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


@dataclass(frozen=True, eq=False)
class Words:
    """int16 (C) factors of each sign for ``((acc << shift) * factor + 2^14) >> 15``."""

    positive: np.ndarray
    negative: np.ndarray
    shift: int


@dataclass(frozen=True)
class FloatSum:
    """float32 factors of ``rint(fma(a, a_factor, fma(b, b_factor, offset)))``."""

    a_factor: np.float32
    b_factor: np.float32
    offset: np.float32


def float_sum(total: Sum, a_zero: int, b_zero: int, b_shift: int) -> FloatSum | None:
    """Two float multiply-adds with the results of the integer sum for all 65,536 pairs.

    Args:
        b_shift: what is added to operand b where it is stored; operand a is zero-based.

    Returns:
        None where no offset nearby gives them.
    """
    a = (STORED - a_zero)[:, None]
    b = (STORED - b_zero)[None]
    unit = 2.0**-total.shift
    wanted = np.rint(
        (a * total.a_factor + b * total.b_factor + total.offset).astype(np.float32)
        * np.float32(unit)
    )
    a_factor, b_factor = (np.float32(f * unit) for f in (total.a_factor, total.b_factor))
    offset = np.float32((total.offset - (b_zero + b_shift) * total.b_factor) * unit)
    # Products of 8-bit values and float32 are exact in float64: one rounding, as in an FMA.
    stored = (STORED + b_shift).astype(np.float64)[None]
    for ulps in ULPS:
        moved = np.float32(offset + ulps * np.spacing(offset))
        rest = np.float32(stored * np.float64(b_factor) + np.float64(moved))
        real = np.float32(np.float64(a) * np.float64(a_factor) + np.float64(rest))
        if np.array_equal(np.rint(real), wanted):
            return FloatSum(a_factor, b_factor, moved)
    return None


def word_factors(
    positive: np.ndarray, negative: np.ndarray, zero_point: int, low: int, high: int
) -> Words | None:
    """16-bit factors with the same results as float32 ``positive`` and ``negative`` (C) give.

    Args:
        zero_point: of what is rescaled; all of its 256 stored values are compared.
        low, high: clamp of the result, in steps from its zero point.

    Returns:
        None where some channel has no such factor.
    """
    acc = STORED - zero_point
    largest = max(np.abs(positive).max(), np.abs(negative).max())
    shift = max(0, math.ceil(math.log2(max(float(largest), 2.0**-30) * 2**15 / WORD_LIMIT)))
    if int(np.abs(acc).max()) << shift > WORD_LIMIT:  # an int64 would lose the bits of it
        return None
    found = []
    for part, scale in ((acc[acc >= 0], positive), (acc[acc < 0], negative)):
        scale = scale.astype(np.float32)
        real = part.astype(np.float32) * scale[:, None]
        wanted = np.rint(np.clip(real, np.float32(low), np.float32(high)))
        first = np.rint(scale.astype(np.float64) * 2.0 ** (15 - shift)).astype(np.int64)
        factors = np.clip(first[:, None] + ULPS, -WORD_LIMIT, WORD_LIMIT)
        product = ((part << shift) * factors[:, :, None] + 2**14) >> 15
        right = (np.clip(product, low, high) == wanted[:, None]).all(axis=2)
        if not right.any(axis=1).all():
            return None
        found.append(factors[np.arange(len(factors)), right.argmax(axis=1)].astype(np.int16))
    return Words(found[0], found[1], shift)


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
    """The integer factors of ARITHMETIC.md for ``y = a + b``.

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
