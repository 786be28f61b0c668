"""Integers that rescale a convolution as its float32 scales do, with an offset of its own each.

``fixedpoint.py`` leaves a channel one number to choose, a factor; here it has two. The steps
between results lie on a staircase; both rules agree if one straight line passes between the same
two accumulators at every step. An offset of the accumulator, which its bias holds, and of the
product's upper half together move the line by less than a float32 resolves, at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fixedpoint import BITS, first_above
from .scales import INT32_MAX

SHIFT = 4
"""Bits of a result's fraction where all scales of a layer leave room for them."""

MODULUS = 2**BITS
NO_BOUND = 2**62

RESULTS = 2**10
"""No line that is needed is so many results away; starts stay below it."""


@dataclass(frozen=True, eq=False)
class Lines:
    """``(start + ((acc + offset) * factor >> 32)) >> shift``, a line for each channel.

    ``factors``, ``starts`` and ``offsets`` are int32 (C) and 0 where ``exact``, bool (C), is false:
    there no line has the results of the float rule.
    """

    factors: np.ndarray
    starts: np.ndarray
    offsets: np.ndarray
    exact: np.ndarray
    shift: int

    def where(self, kept: np.ndarray) -> Lines:
        """Those of the channels ``kept``, bool (C); the others count as not exact."""
        factors, starts, offsets = (
            np.where(kept, values, 0).astype(np.int32)
            for values in (self.factors, self.starts, self.offsets)
        )
        return Lines(factors, starts, offsets, self.exact & kept, self.shift)


def lines(scale: np.ndarray, reach: np.ndarray, low: int, high: int, zero: int = 0) -> Lines:
    """Lines with the results of ``rint(float32(acc) * scale)``, clamped, plus ``zero``.

    A step from n to n + 1 at ``acc = t`` asks for ``t m + b >= (n + 1/2) 2^B`` and ``(t - 1) m + b
    < (n + 1/2) 2^B``. What all steps leave of b is widest at one m, and the less the farther from
    it, so that a search by thirds finds it. Clamped means that a result beyond the ends is beyond
    the same end.

    Args:
        scale: float32 (C).
        reach: int64 (C), the largest absolute accumulator of each channel.
        low, high: clamp of the result, in steps from its zero point.
        zero: the zero point, which the starts hold.
    """
    shift = SHIFT if scale.max() < 2.0 ** -(SHIFT + 1) else 0
    possible = (scale > 0) & (scale < 2.0 ** -(shift + 1))
    scale = np.where(possible, scale, np.float32(2**-8)).astype(np.float32)
    taken, exact = first_above(scale, reach, low, high)
    factors, least, most = _widest(scale, taken, reach, low, shift)
    starts, offsets = np.zeros_like(factors), np.zeros_like(factors)
    far = RESULTS << (BITS + shift)
    least, most = np.maximum(least, -far), np.minimum(most, far)
    exact &= possible & (least <= most)
    half = 1 << (BITS - 1 + shift)
    for channel in np.flatnonzero(exact):
        ends = int(least[channel]) + half, int(most[channel]) + half
        factor = int(factors[channel])
        offset = _offset(factor, *ends)
        if offset is None or offset > INT32_MAX - int(reach[channel]):
            exact[channel] = False
            continue
        offsets[channel] = offset
        starts[channel] = ((ends[1] - offset * factor) >> BITS) + (zero << shift)
    return Lines(factors, starts, offsets, exact, shift).where(exact)


def _widest(
    scale: np.ndarray, taken: np.ndarray, reach: np.ndarray, low: int, shift: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64 (C): the factors that leave most room, and the least and greatest b that they leave."""
    last = reach[:, None]
    goal = (2 * (low + np.arange(taken.shape[1])) + 1) << (BITS - 1 + shift)
    above, under = np.maximum(taken, -last), np.minimum(taken - 1, last)
    asked_above, asked_under = taken <= last, taken > -last

    def room(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # What is beyond the reach is not asked, and may overflow.
        up = np.where(asked_above, goal - factor[:, None] * above, -NO_BOUND)
        down = np.where(asked_under, goal - factor[:, None] * under - 1, NO_BOUND)
        return up.max(axis=1, initial=-NO_BOUND), down.min(axis=1, initial=NO_BOUND)

    def width(factor: np.ndarray) -> np.ndarray:
        least, most = room(factor)
        return most - least

    nearest = np.rint(scale.astype(np.float64) * 2.0 ** (BITS + shift)).astype(np.int64)
    # Two steps that are far from each other leave a line little freedom.
    asked = asked_above & asked_under
    apart = np.where(asked, taken, -NO_BOUND).max(axis=1, initial=-NO_BOUND)
    apart = apart - np.where(asked, taken, NO_BOUND).min(axis=1, initial=NO_BOUND)
    span = np.where(apart > 0, 2 * nearest // np.maximum(apart, 1) + 2, 0)
    left, right = np.maximum(nearest - span, 0), np.minimum(nearest + span, INT32_MAX)
    while (right - left).max() > 2:
        third = (right - left) // 3
        falls = width(left + third) >= width(right - third)
        left, right = (
            np.where(falls, left, left + third),
            np.where(falls, right - third, right),
        )
    trials = np.stack([left, np.minimum(left + 1, right), right])
    best = np.stack([width(trial) for trial in trials]).argmax(axis=0)
    factor = np.take_along_axis(trials, best[None], axis=0)[0]
    return (factor, *room(factor))


def _offset(factor: int, least: int, most: int) -> int | None:
    """The first whose product with ``factor`` lies, but for multiples of 2^32, between the ends."""
    low, high = least % MODULUS, most % MODULUS
    if most - least >= MODULUS or low > high:
        return 0
    return _first(factor, MODULUS, low, high)


def _first(factor: int, modulus: int, low: int, high: int) -> int | None:
    """The least x >= 0 with ``low <= factor x mod modulus <= high``, by Euclid's algorithm."""
    if low == 0:
        return 0
    if 2 * factor > modulus:
        factor, low, high = modulus - factor, modulus - high, modulus - low
    if factor == 0:
        return None
    turns = -(-low // factor)
    if turns * factor <= high:
        return turns
    rounds = _first(modulus % factor, factor, -high % factor, -low % factor)
    return None if rounds is None else -(-(low + modulus * rounds) // factor)
