"""Tiles of depthwise kernels that hold a number of rows, or of pixels of a row."""

from __future__ import annotations

from collections.abc import Iterator

from ..isa.base import balanced
from ..tile import Tile

DEEP = 16
"""Rows, or pixels where a tile has no rows, of a depthwise tile."""


def even(choice: str, end: int) -> Iterator[Tile]:
    """Tiles that divide ``end`` rows or pixels evenly."""
    counts = dict.fromkeys(balanced(end, n) for n in range(1, min(end, DEEP) + 1))
    return (Tile(**{choice: count}) for count in counts)
