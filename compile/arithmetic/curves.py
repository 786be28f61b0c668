"""exp and log of float32 in integers, by tables of 1,024 pieces: the same bits on every target."""

from __future__ import annotations

import math

import numpy as np

PIECES = 10
"""Bits of a mantissa that choose a piece; the other ``BITS - PIECES`` go on in a straight line."""
BITS = 23
"""Bits of a float32's mantissa."""
BIAS = 127
"""What a float32's exponent is stored with."""
MANTISSA = 2**BITS - 1

LOG2_E = np.float32(1.4426950408889634)
LEAST, MOST = np.float32(-126), np.float32(128)
"""Powers of two that float32 holds: 0 below, infinity from ``MOST`` on."""
TINY = np.float32(2.0**-126)
"""What is smaller is 0 to ``log``."""
UNIT = np.float32(0.6931471805599453 / 2**BITS)
"""The natural logarithm of two in units of ``log``'s integers."""


def exp_table() -> np.ndarray:
    """int32 (1025): ``2 ** (i / 1024) - 1`` in units of 2^-23."""
    steps = np.arange(2**PIECES + 1) / 2**PIECES
    return np.asarray(np.rint((2.0**steps - 1) * 2**BITS), np.int32)


def softmax_table(scale: float, size: int) -> np.ndarray:
    """int32 (256): ``exp(-d scale)`` in the largest power of two of which ``size`` fit an int32."""
    unit = 2.0 ** math.floor(math.log2((2**31 - 1) / (size + 1)))
    return np.asarray(np.rint(np.exp(-np.arange(256) * scale) * unit), np.int32)


def log_table() -> np.ndarray:
    """int32 (1025): ``log2(1 + i / 1024)`` in units of 2^-23."""
    steps = np.arange(2**PIECES + 1) / 2**PIECES
    return np.asarray(np.rint(np.log2(1 + steps) * 2**BITS), np.int32)


def _between(table: np.ndarray, mantissa: np.ndarray) -> np.ndarray:
    """The table's straight line at a mantissa; products fit int32."""
    rest = BITS - PIECES
    piece = mantissa >> rest
    step = table[piece + 1] - table[piece]
    return np.asarray(table[piece] + ((step * (mantissa & (2**rest - 1))) >> rest), np.int32)


def exp(x: np.ndarray) -> np.ndarray:
    """README.md, exp; what is no number stays."""
    with np.errstate(over="ignore", invalid="ignore"):
        power = x * LOG2_E
    inside = (power >= LEAST) & (power < MOST)
    units = (np.where(inside, power, np.float32(0)) * np.float32(2**BITS)).astype(np.int32)
    bits = (((units >> BITS) + BIAS) << BITS) + _between(exp_table(), units & MANTISSA)
    outside = np.where(power < LEAST, np.float32(0), np.where(np.isnan(x), x, np.float32(np.inf)))
    return np.where(inside, bits.astype(np.int32).view(np.float32), outside)


def log(x: np.ndarray) -> np.ndarray:
    """README.md, log; of what is negative there is no number."""
    inside = (x >= TINY) & (x < np.inf)
    bits = np.where(inside, x, np.float32(1)).view(np.int32)
    whole = ((bits >> BITS) - BIAS) << BITS
    units = (whole + _between(log_table(), bits & MANTISSA)).astype(np.int32)
    zero = np.where(x >= 0, np.float32(-np.inf), np.float32(np.nan))
    outside = np.where(x < TINY, zero, x)
    return np.where(inside, units.astype(np.float32) * UNIT, outside)
