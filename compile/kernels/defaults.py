"""What most kernel families say of themselves: a family takes it as ``fits = every``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .isa.base import Isa, balanced
from .tile import Tile

DEEP = 16
"""Rows, or pixels where a tile has no rows, of a depthwise tile."""


def every(isa: Isa, shape: Any) -> bool:
    """``fits`` of a family that does every shape of its kind."""
    return True


def no_tiles(isa: Isa, shape: Any) -> dict[str, int]:
    """``tile_bounds`` of a family that leaves no choice."""
    return {}


def any_words(isa: Isa) -> bool:
    """``words`` of a family whose own epilogue has 16-bit activations."""
    return True


def vector_words(isa: Isa) -> bool:
    """``words`` of a family that ends with the vector epilogue, which has them if it saturates."""
    return isa.saturates


def even_tiles(
    choice: str, end: Callable[[Any], int]
) -> tuple[Callable[[Isa, Any], dict[str, int]], Callable[[Isa, Any], Iterator[Tile]]]:
    """``tile_bounds`` and ``grid`` of a family whose tile divides ``end`` rows or pixels evenly."""

    def tile_bounds(isa: Isa, shape: Any) -> dict[str, int]:
        return {choice: min(end(shape), DEEP)}

    def grid(isa: Isa, shape: Any) -> Iterator[Tile]:
        whole = end(shape)
        counts = dict.fromkeys(balanced(whole, n) for n in range(1, min(whole, DEEP) + 1))
        return (Tile(**{choice: count}) for count in counts)

    return tile_bounds, grid
