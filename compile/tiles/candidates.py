"""The tiles that a template can take for a shape: what bounds them, and a grid worth trying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..kernels.conv.shape import ConvShape, tile_of
from ..kernels.depthwise.shape import DepthwiseShape
from ..kernels.frame import flattened, rounded
from ..kernels.isa.base import Isa
from ..kernels.rescale.shape import VECTORS, WordsShape, period_of, strip_of
from ..kernels.tile import OWN, Tile
from ..lower.families import dots

WRITTEN = 4
"""How many times the dot steps that a template writes out by itself are still allowed."""

SPILLED = 2
"""How many times the accumulators that the registers hold are still allowed."""

DEEP = 16
"""Rows, or pixels where a tile has no rows, of a depthwise tile."""


def candidates(isa: Isa, shape: Any, most: int) -> list[Tile]:
    """Up to ``most`` tiles, the template's own first; only that where there is no choice.

    Args:
        isa: what the kernel is built for (choose.instructions).
    """
    found: Iterator[Tile]
    if not isa.tiles:
        found = iter(())
    elif isinstance(shape, ConvShape):
        found = _conv(isa, shape)
    elif isinstance(shape, DepthwiseShape):
        name, end = _line(isa, shape)
        counts = dict.fromkeys(_even(end, n) for n in range(1, min(end, DEEP) + 1))
        found = (Tile(**{name: count}) for count in counts)
    elif isinstance(shape, WordsShape):
        found = _words(isa, shape)
    else:
        found = iter(())
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
    if isinstance(shape, ConvShape):
        if tile.blocks and not _together(shape, tile.blocks):
            return f"expected blocks that divide {shape.reads.share}, got {tile.blocks}"
        pixels, blocks = tile_of(isa, replace(shape, tile=tile))
        most = SPILLED * isa.registers
        if (tile.pixels or tile.blocks) and pixels * blocks > most:
            return f"expected at most {most} accumulators, got {pixels} pixels x {blocks} blocks"
    if isinstance(shape, WordsShape) and (tile.pixels or 0) % _period(isa, shape):
        return f"expected pixels in multiples of {_period(isa, shape)}, got {tile.pixels}"
    return None


def _bounds(isa: Isa, shape: Any) -> dict[str, int]:
    if not isa.tiles:
        return {}
    if isinstance(shape, ConvShape):
        unrolled = WRITTEN * isa.unrolled
        return {"pixels": shape.y.width, "blocks": _blocks(isa, shape), "unrolled": unrolled}
    if isinstance(shape, DepthwiseShape):
        name, end = _line(isa, shape)
        return {name: min(end, DEEP)}
    if isinstance(shape, WordsShape):
        return {"pixels": _repeated(isa, shape) * _period(isa, shape)}
    return {}


def _line(isa: Isa, shape: DepthwiseShape) -> tuple[str, int]:
    """What a depthwise tile counts, and how many of them there are."""
    return ("rows", shape.y.height) if dots(isa) else ("pixels", shape.y.width)


def _blocks(isa: Isa, shape: ConvShape) -> int:
    return rounded(shape.y.channels, isa.lanes) // isa.lanes


def _together(shape: ConvShape, blocks: int) -> bool:
    """Blocks of a tile read the same inputs, or each its own."""
    reads = shape.reads
    return reads.advance == 0 or reads.share == 1 or reads.share % blocks == 0


def _conv(isa: Isa, shape: ConvShape) -> Iterator[Tile]:
    """Pixels by blocks around the accumulators that the registers hold, each with both loops.

    Blocks share the channels evenly, pixels the row: evenly as well, or without a rest.
    """
    width, total = shape.y.width, _blocks(isa, shape)
    steps = shape.kernel[0] * shape.kernel[1] * (shape.reads.span // isa.group)
    columns = dict.fromkeys(_even(total, blocks) for blocks in range(1, min(total, 8) + 1))
    own = tile_of(isa, shape)
    seen: set[tuple[int, int]] = set()
    for quarters in (4, 3, 2, 5, 7):
        budget = isa.registers * quarters // 4
        sizes = [own]
        for blocks in (n for n in columns if n <= budget and _together(shape, n)):
            pixels = min(width, budget // blocks)
            whole = max(n for n in range(1, pixels + 1) if width % n == 0)
            sizes += [(n, blocks) for n in (_even(width, pixels), whole) if 4 * n >= 3 * pixels]
        sizes = [size for size in dict.fromkeys(sizes) if size not in seen]
        seen.update(sizes)
        yield from (Tile(pixels=p, blocks=b) for p, b in sizes if (p, b) != own)
        for pixels, blocks in sizes:
            written = steps * pixels * blocks
            if isa.unrolled < written <= WRITTEN * isa.unrolled:
                yield Tile(pixels=pixels, blocks=blocks, unrolled=written)
            elif written <= isa.unrolled and steps > 1:
                yield Tile(pixels=pixels, blocks=blocks, unrolled=1)


def _words(isa: Isa, shape: WordsShape) -> Iterator[Tile]:
    """Repetitions of the period that share factors."""
    most = _repeated(isa, shape)
    for repeated in (n for n in (1, 2, 3, 4, 6, 8, 12, 16) if n <= most):
        yield Tile(pixels=repeated * _period(isa, shape))


def _period(isa: Isa, shape: WordsShape) -> int:
    return period_of(isa, shape.y.channels)


def _repeated(isa: Isa, shape: WordsShape) -> int:
    """Periods that a row has as the kernel sees it, up to ``VECTORS``."""
    row = flattened(shape.x, shape.y)[1].width // _period(isa, shape)
    return min(row, VECTORS // strip_of(isa, shape.y.channels))


def _even(total: int, most: int) -> int:
    """The size of as many equal parts as parts of ``most`` would be."""
    return -(-total // -(-total // most))
