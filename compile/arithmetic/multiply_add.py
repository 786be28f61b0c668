"""Float multiply-adds with the results of an integer sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..graph import Sum
from .file_rule import STORED, ULPS


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
