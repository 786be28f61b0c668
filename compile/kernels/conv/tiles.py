"""The tiles that conv/vectors.py takes: how large they may be, and those worth trying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..frame import rounded
from ..isa.base import Isa, balanced
from ..tile import Tile
from .shape import ConvShape, tile_of

WRITTEN = 4
"""How many times the dot steps that a template writes out by itself are still allowed."""

SPILLED = 2
"""How many times the accumulators that the registers hold are still allowed."""


def tile_bounds(isa: Isa, shape: ConvShape) -> dict[str, int]:
    """How large each choice of a tile may be."""
    unrolled = WRITTEN * isa.unrolled
    return {"pixels": shape.y.width, "blocks": _blocks(isa, shape), "unrolled": unrolled}


def misfit(isa: Isa, shape: ConvShape, tile: Tile) -> str | None:
    """What is wrong with a tile within its bounds, or None."""
    if tile.blocks and not _together(shape, tile.blocks):
        return f"expected blocks that divide {shape.reads.share}, got {tile.blocks}"
    pixels, blocks = tile_of(isa, replace(shape, tile=tile))
    most = SPILLED * isa.registers
    if (tile.pixels or tile.blocks) and pixels * blocks > most:
        return f"expected at most {most} accumulators, got {pixels} pixels x {blocks} blocks"
    return None


def grid(isa: Isa, shape: ConvShape) -> Iterator[Tile]:
    """Pixels by blocks around the accumulators that the registers hold, each with both loops.

    Blocks share the channels evenly, pixels the row: evenly as well, or without a rest.
    """
    width, total = shape.y.width, _blocks(isa, shape)
    steps = shape.kernel[0] * shape.kernel[1] * (shape.reads.span // isa.group)
    columns = dict.fromkeys(balanced(total, blocks) for blocks in range(1, min(total, 8) + 1))
    own = tile_of(isa, shape)
    seen: set[tuple[int, int]] = set()
    for quarters in (4, 3, 2, 5, 7):
        budget = isa.registers * quarters // 4
        sizes = [own]
        for blocks in (n for n in columns if n <= budget and _together(shape, n)):
            pixels = min(width, budget // blocks)
            whole = max(n for n in range(1, pixels + 1) if width % n == 0)
            sizes += [(n, blocks) for n in (balanced(width, pixels), whole) if 4 * n >= 3 * pixels]
        sizes = [size for size in dict.fromkeys(sizes) if size not in seen]
        seen.update(sizes)
        yield from (Tile(pixels=p, blocks=b) for p, b in sizes if (p, b) != own)
        for pixels, blocks in sizes:
            written = steps * pixels * blocks
            if isa.unrolled < written <= WRITTEN * isa.unrolled:
                yield Tile(pixels=pixels, blocks=blocks, unrolled=written)
            elif written <= isa.unrolled and steps > 1:
                yield Tile(pixels=pixels, blocks=blocks, unrolled=1)


def _blocks(isa: Isa, shape: ConvShape) -> int:
    return rounded(shape.y.channels, isa.lanes) // isa.lanes


def _together(shape: ConvShape, blocks: int) -> bool:
    """Blocks of a tile read the same inputs, or each its own."""
    reads = shape.reads
    return reads.advance == 0 or reads.share == 1 or reads.share % blocks == 0
