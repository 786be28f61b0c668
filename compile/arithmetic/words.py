"""16-bit factors of a rescale with the same results as its float32 scales."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .file_rule import STORED, ULPS

BITS = 15
"""Fractional bits of a factor: the shift of a rounding product of 16-bit words."""

WORD_LIMIT = 2**BITS - 1


@dataclass(frozen=True, eq=False)
class Words:
    """int16 (C) factors of each sign for ``((acc << shift) * factor + 2^14) >> 15``.

    ``plus``: ``acc << shift`` is added to the positive sign's product, and the greater of both is
    the result, whatever the sign.
    """

    positive: np.ndarray
    negative: np.ndarray
    shift: int
    plus: bool = False

    def less_one(self) -> Words:
        """The same results with ``plus``, which saves a shift, if the factors allow it."""
        upper, lower = (2 * f.astype(np.int32) for f in (self.positive, self.negative))
        falls = bool((lower > upper).any() or upper.min() < 0)
        if self.shift == 0 or falls or np.abs(lower).max() > WORD_LIMIT:
            return self
        positive, negative = (upper - 2**15).astype(np.int16), lower.astype(np.int16)
        return Words(positive, negative, self.shift - 1, plus=True)


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
