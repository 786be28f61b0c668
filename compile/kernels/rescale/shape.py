"""What shapes a rescale in 16-bit words, and the pixels that share its factors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ..epilogue import Product
from ..frame import View, rounded
from ..isa.base import Isa
from ..tile import OWN, Tile

PIECE = 16
"""Bytes that always stand together: pixels are whole multiples of it."""


VECTORS = 32
"""Vectors that are written out at most, where there is a choice."""


@dataclass(frozen=True)
class WordsShape:
    """Views of source and result, and how the factors are applied to steps."""

    family: ClassVar[str] = "words"
    label: ClassVar[str] = "rescale"
    x: View
    y: View
    product: Product
    clamped: bool
    tile: Tile = OWN


def period_of(isa: Isa, channels: int) -> int:
    """Pixels after which the channels stand alike in vectors of ``isa.bytes`` again."""
    return isa.bytes // math.gcd(isa.bytes, rounded(channels, PIECE))


def vectors_of(isa: Isa, channels: int) -> int:
    """Vectors of a period, or of a pixel those that a tile takes before it goes on to the next."""
    period = period_of(isa, channels)
    vectors = period * rounded(channels, PIECE) // isa.bytes
    if period > 1 or isa.word_vectors == 1:
        return vectors
    return max(v for v in range(1, isa.word_vectors + 1) if vectors % v == 0)
