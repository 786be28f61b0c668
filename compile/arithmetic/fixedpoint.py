"""Fixed-point factors that give a convolution the very results of its float32 scales.

The compiler asks for them, so that cores without fast floats need none; the quantiser chooses
scales that have them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BITS = 32
"""Bits of the products' fraction."""

EXACT_FLOAT = 2**24
"""Up to it float32 holds every integer; steps further out are not looked for."""


def factors(scale: np.ndarray, reach: np.ndarray, low: int, high: int) -> np.ndarray:
    """Integers m for which ``(acc * m + 2^31) >> 32`` is ``rint(float32(acc) * scale)``, clamped.

    Both rules are monotone, so they agree if they take each of the steps between two results at the
    same accumulator. A step from n to n + 1 at ``acc = t`` asks ``t m >= (n + 1/2) 2^32`` and
    ``(t - 1) m < (n + 1/2) 2^32``: an interval of m, and all steps together a narrower one.

    Args:
        scale: float32 (C), positive.
        reach: int64 (C), the largest absolute accumulator of each channel.
        low, high: clamp of the result, in steps from its zero point.

    Returns:
        int32 (C); -1 where a channel has no such factor.
    """
    possible = (scale > 0) & (scale < 0.5)
    scale = np.where(possible, scale, np.float32(2**-8)).astype(np.float32)
    taken, exact = first_above(scale, reach, low, high)
    possible = possible & exact
    goal = np.broadcast_to((2 * np.arange(low, high) + 1) * 2**31, taken.shape)
    # A step that no accumulator reaches is to be reached by none.
    last = reach[:, None]
    sides = (
        (np.maximum(taken, -last), goal, taken <= last),
        (1 - np.minimum(taken, last + 1), 1 - goal, taken > -last),
    )
    least = np.zeros(len(scale), np.int64)
    most = np.full(len(scale), 2**31 - 1, np.int64)
    for acc, bound, asked in sides:
        # acc m >= bound: from below where acc is positive, from above where it is negative
        positive, negative = asked & (acc > 0), asked & (acc < 0)
        below = np.where(positive, -(-bound // np.where(positive, acc, 1)), 0)
        above = np.where(negative, bound // np.where(negative, acc, 1), 2**31 - 1)
        least = np.maximum(least, below.max(axis=1, initial=0))
        most = np.minimum(most, above.min(axis=1, initial=2**31 - 1))
        possible = possible & ~(asked & (acc == 0) & (bound > 0)).any(axis=1)
    nearest = np.rint(scale.astype(np.float64) * 2.0**32).astype(np.int64)
    found = np.clip(nearest, least, np.maximum(least, most))
    return np.where(possible & (least <= most), found, -1).astype(np.int32)


def first_above(
    scale: np.ndarray, reach: np.ndarray, low: int, high: int
) -> tuple[np.ndarray, np.ndarray]:
    """The accumulator at which the float rule takes each step from a result to the next.

    Args:
        scale: float32 (C), positive.
        reach, low, high: as for ``factors``.

    Returns:
        int64 (C, high - low): the least accumulator whose result is above low, low + 1, ...; and
        bool (C): whether all of them that can be reached are known exactly.
    """
    steps = np.arange(low, high)
    # Of weights that are all but nothing, what lies far beyond every accumulator is enough.
    exact = np.clip((steps + 0.5) / scale.astype(np.float64)[:, None], -(2.0**40), 2.0**40)
    about = np.floor(exact).astype(np.int64)
    near = about[..., None] + np.arange(-3, 5)
    real = near.astype(np.float32) * scale.astype(np.float32)[:, None, None]
    passed = np.rint(np.clip(real, np.float32(low), np.float32(high))) > steps[:, None]
    taken = near[..., 0] + passed.argmax(axis=2)
    coarse = (np.abs(taken) > EXACT_FLOAT) & (np.abs(taken) <= reach[:, None] + 1)
    return taken, ~coarse.any(axis=1)


@dataclass(frozen=True, eq=False)
class Fixed:
    """int32 (C) factors for ``((acc * factor >> 31) + 2^(shift - 1)) >> shift``."""

    factors: np.ndarray
    shift: int


def fixed_factors(scale: np.ndarray, reach: np.ndarray, low: int, high: int) -> Fixed | None:
    """Integer factors with the results of the rescale rule for every accumulator.

    The rule's result grows with the accumulator, so it is the same everywhere if every step from
    one result to the next falls between the same two accumulators.

    Args:
        scale: float32 (C) of the rule, positive.
        reach: int64 (C): no accumulator is larger, of either sign.
        low, high: clamp of the result, in steps from its zero point.

    Returns:
        None where some channel has no such factor.
    """
    if scale.min() <= 0 or reach.max() >= 2**24:
        return None
    shift = min(16, math.floor(-math.log2(float(scale.max()))))
    if shift < 1:
        return None
    results = np.arange(max(high, -low))[None]
    if results.size == 0:  # every accumulator gives the one value that is left
        return Fixed(np.zeros(len(scale), np.int32), shift)
    nearest = np.ceil((results + 0.5) / scale.astype(np.float64)[:, None])
    if nearest.max() >= 2**31:
        nearest = np.minimum(nearest, 2.0**31)
    first = np.full(nearest.shape, 2**40)
    for move in (2, 1, 0, -1, -2):
        acc = nearest.astype(np.int64) + move
        above = np.rint(acc.astype(np.float32) * scale[:, None]) > results
        first = np.where(above, acc, first)
    # Between results: (result + 1/2) 2^(31 + shift), which no product may hit either, as negative
    # accumulators would be rounded the other way.
    middle = (2 * results + 1) << (30 + shift)
    least = np.where(first <= reach[:, None], middle // first + 1, 1).max(axis=1, initial=1)
    before = np.maximum(first - 1, 1)
    reached = (first > 1) & (before <= reach[:, None])
    most = np.where(reached, -(-middle // before) - 1, 2**31 - 1).min(axis=1, initial=2**31 - 1)
    if (least > most).any():
        return None
    return Fixed(least.astype(np.int32), shift)
