"""The tiles that a kernel's shape can take: what bounds them, and a grid worth trying."""

from __future__ import annotations

from typing import Any

from ..kernels import families
from ..kernels.isa.base import Isa
from ..kernels.tile import OWN, Tile


def candidates(isa: Isa, shape: Any, most: int) -> list[Tile]:
    """Up to ``most`` tiles, the template's own first; only that where there is no choice."""
    family, on = families.of(isa, shape), families.instructions(isa, shape)
    found = family.grid(on, shape) if _bounds(isa, shape) else ()
    return list(dict.fromkeys((OWN, *found)))[:most]


def misfit(isa: Isa, shape: Any, tile: Tile) -> str | None:
    """What is wrong with a tile for a shape, or None.

    Every tile without fault builds a kernel of the same bytes, in reasonable time: what a template
    writes out is bounded.
    """
    bounds = _bounds(isa, shape)
    for name, value in vars(tile).items():
        if value is None:
            continue
        if name not in bounds:
            return f"its template takes no {name}, got {value}; it takes {', '.join(bounds) or '-'}"
        if value > bounds[name]:
            return f"expected at most {bounds[name]} {name}, got {value}"
    family = families.of(isa, shape)
    if not hasattr(family, "misfit"):
        return None
    wrong: str | None = family.misfit(families.instructions(isa, shape), shape, tile)
    return wrong


def _bounds(isa: Isa, shape: Any) -> dict[str, int]:
    if not isa.tiles:
        return {}
    bounds = families.of(isa, shape).tile_bounds(families.instructions(isa, shape), shape)
    return dict(bounds)
