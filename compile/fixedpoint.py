"""Fixed-point factors that give a convolution the very results of its float32 scales.

The compiler asks for them, so that cores without fast floats need none; the quantiser chooses
scales that have them.
"""

from __future__ import annotations

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
    scale = scale.astype(np.float32)
    possible = (scale > 0) & (scale < 0.5)
    scale = np.where(possible, scale, np.float32(2**-8))
    steps = np.arange(low, high)
    about = np.floor((steps + 0.5) / scale.astype(np.float64)[:, None]).astype(np.int64)
    near = about[..., None] + np.arange(-3, 5)
    real = near.astype(np.float32) * scale.astype(np.float32)[:, None, None]
    passed = np.rint(np.clip(real, np.float32(low), np.float32(high))) > steps[:, None]
    taken = near[..., 0] + passed.argmax(axis=2)
    goal = np.broadcast_to((2 * steps + 1) * 2**31, taken.shape)
    # A step that no accumulator reaches is to be reached by none.
    last = reach[:, None]
    coarse = (np.abs(taken) > EXACT_FLOAT) & (np.abs(taken) <= last + 1)
    possible = possible & ~coarse.any(axis=1)
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
