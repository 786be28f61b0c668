"""Convolution on operands widened to int16 once, in a scratch that the first cache level holds.

Where the dot product takes pairs of int16, widening int8 at every use costs as much as the
products. So the activations that a cache tile of outputs reads are widened when it begins, and the
weights of a register tile's channel blocks when the cache tile comes to them: what is left per step
is a load of the weights, a broadcast load per pixel, and the products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import epilogue, parameters
from ..defaults import no_tiles
from ..frame import function, rounded, store
from ..isa.base import Expr, Isa, balanced
from ..packed import Packed
from .shape import ConvShape
from .vectors import fits, pack, store_tile, takes_prologue, tile_scales, words

ACTIVATIONS = 8192
"""int16 activations of a cache tile: half of a first cache level of 32 KB."""

WEIGHTS = 8192
"""int16 weights of a tile's blocks: the other half; more are widened at every use."""

PIXELS = 12
"""Pixels of a cache tile for which it pays to widen weights once."""

WIDE = 16
"""Values that are widened together."""

UNROLLED = 24
"""Dot products in the body of a loop."""


@dataclass(frozen=True)
class CacheTile:
    """The outputs done together, ``rows x columns``, and how their inputs stand in the scratch.

    ``pitch`` elements from input column to column, ``line`` from row to row; an output is
    ``across`` columns and ``down`` rows from the one before.
    """

    rows: int
    columns: int
    run: bool
    pitch: int
    across: int
    down: int
    line: int

    def lines(self, kernel: int, rows: Any) -> Any:
        """Input rows of ``rows`` rows of outputs."""
        return (rows - 1) * self.down + kernel


def tile_of(isa: Isa, shape: ConvShape) -> tuple[int, int]:
    """(pixels, channel blocks) of a flattened shape's tile.

    A step's operands stay in registers for all taps of a row: their weights, the accumulators, one
    activation and one product.
    """
    taps = shape.kernel[1]
    reads = shape.reads
    together = reads.share if reads.advance else rounded(shape.y.channels, isa.lanes) // isa.lanes
    high = isa.blocks if taps < 4 else 1
    while together % high and (reads.advance or together < high):
        high -= 1
    pixels = max(1, (isa.registers - 2 - taps * high) // high)
    return balanced(shape.y.width, pixels), high


__all__ = ["build", "fits", "packed", "takes_prologue", "tile_bounds", "words"]

FRACTION = 0
RECTIFIES = False
tile_bounds = no_tiles


def packed(isa: Isa, shape: ConvShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights, in the order of the shape's tile."""
    vectors = pack(isa, weight, groups, tile_of(isa, shape)[1])
    return Packed(vectors, rounded(len(weight), isa.lanes))


def cache_tile_of(isa: Isa, shape: ConvShape) -> CacheTile:
    """As many outputs as the scratch has room for, at least a tile."""
    x, y, span = shape.x, shape.y, shape.reads.span
    (kh, kw), (down, across) = shape.kernel, shape.stride
    # A row's pixels are copied as one run where everything in it is read.
    run = not shape.reads.advance and (
        span > x.pixel or (span == x.pixel and (kw > 1 or across == 1))
    )
    pitch = x.pixel if run else span
    across = across if run or kw > 1 else 1
    down = down if kh > 1 else 1

    def line(columns: int) -> int:
        last = ((columns - 1) * across + kw - 1) * pitch + span
        return rounded(last, WIDE) + WIDE  # whole vectors are written

    pixels, columns = tile_of(isa, shape)[0], y.width
    parts = 1
    while columns > pixels and line(columns) * kh > ACTIVATIONS:
        parts += 1
        columns = rounded(-(-y.width // parts), pixels)
    size = line(columns)
    rows = max(1, min(y.height, (ACTIVATIONS // size - kh) // down + 1))
    rows = balanced(y.height, rows)
    return CacheTile(rows, columns, run, pitch, across, down, size)


def build(name: str, isa: Isa, shape: ConvShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    shape = shape.flattened()
    x, y, reads = shape.x, shape.y, shape.reads
    kh, kw = shape.kernel
    steps = reads.span // isa.group
    vector = isa.lanes * isa.group
    blocks = rounded(y.channels, isa.lanes) // isa.lanes
    pixels, columns = tile_of(isa, shape)
    cached = cache_tile_of(isa, shape)
    together = reads.share if reads.advance else blocks
    staged = (
        cached.rows * cached.columns >= PIXELS and kh * kw * steps * columns * vector <= WEIGHTS
    )
    unroll = max(
        u
        for u in (1, 2, 4, 8)
        if steps % u == 0 and (u == 1 or u * kw * pixels * columns <= UNROLLED)
    )

    def body(**p: Any) -> None:
        finish = epilogue(isa, isa.lanes, shape, p)
        kind = f"int32x{isa.lanes}"
        wide_kind = f"int16x{WIDE}"
        held = T.alloc_buffer(
            (cached.lines(kh, cached.rows) * cached.line,), "int16", scope="local"
        )
        weights = T.alloc_buffer(
            (kh * kw * steps * columns * vector if staged else WIDE,), "int16", scope="local"
        )

        def widen_run(target: Expr, source: Expr, count: int) -> None:
            """``count`` activations; whole vectors are read and written."""
            for first in range(0, count, WIDE):
                value = p["x"].vload([source + first], f"{isa.dtype}x{WIDE}")
                store(held, target + first, T.Cast(wide_kind, value), WIDE)

        def widen_activations(block: Expr, row: Expr, left: Expr, rows: Expr, wide: Expr) -> None:
            """The inputs of a cache tile whose first output is (row, left)."""
            step = shape.stride[0] if kh == 1 else 1
            start = T.bind(
                row * (shape.stride[0] * x.row)
                + left * (shape.stride[1] * x.pixel)
                + reads.first(block)
            )
            with T.serial(0, cached.lines(kh, rows)) as line:
                source, target = T.bind(start + line * (step * x.row)), T.bind(line * cached.line)
                count = (wide - 1) * cached.across + kw
                if cached.run:
                    last = (count - 1) * cached.pitch + reads.span
                    with T.serial(0, (last + WIDE - 1) // WIDE) as run:
                        widen_run(target + run * WIDE, source + run * WIDE, WIDE)
                else:
                    apart = x.pixel * (shape.stride[1] if kw == 1 else 1)
                    with T.serial(0, count) as column:
                        at = target + column * cached.pitch
                        widen_run(at, source + column * apart, reads.span)

        def widen_weights(block: Expr, high: int) -> None:
            with T.serial(0, kh * kw * steps * high) as index:
                value = p["w"].vload([(block * (kh * kw * steps) + index) * vector], "int8x16")
                store(weights, index * vector, T.Cast(wide_kind, value), vector)

        def weight(block: Expr, index: Expr) -> Expr:
            if staged:
                return T.bind(weights.vload([index * vector], wide_kind))
            return isa.weight(p["w"], (block * (kh * kw * steps) + index) * vector)

        def tile(block: Any, at: tuple[Expr, Expr, Expr, Expr], wide: int, high: int) -> None:
            """``wide x high`` outputs ``at`` (row, column) of the map and of the cache tile."""
            acc = T.alloc_buffer((wide * high * isa.lanes,), "int32", scope="local")
            for n in range(high):
                start = T.bind(p["bias"].vload([(block + n) * isa.lanes], kind))
                for m in range(wide):
                    store(acc, (m * high + n) * isa.lanes, start, isa.lanes)
            row, left, line, column = at
            base = T.bind(
                line * (cached.down * cached.line) + column * (cached.across * cached.pitch)
            )

            def multiply_add(ky: Expr, step: Expr) -> None:
                """One step of a row of taps: each activation serves every tap that it meets."""
                taps = [
                    [weight(block, ((ky * kw + kx) * steps + step) * high + n) for n in range(high)]
                    for kx in range(kw)
                ]
                for source in range((wide - 1) * cached.across + kw):
                    meets = [
                        (m, source - m * cached.across)
                        for m in range(wide)
                        if 0 <= source - m * cached.across < kw
                    ]
                    if not meets:
                        continue
                    where = base + ky * cached.line + source * cached.pitch + step * isa.group
                    operand = isa.operand(held, where)
                    for m, kx in meets:
                        for n in range(high):
                            place = (m * high + n) * isa.lanes
                            total = isa.dot(acc.vload([place], kind), operand, taps[kx][n])
                            store(acc, place, total, isa.lanes)

            with T.serial(0, kh) as ky, T.serial(0, steps // unroll) as chunk:
                for step in range(unroll):
                    multiply_add(ky, chunk * unroll + step)
            scales = tile_scales(finish, p, isa.lanes, block, high)
            store_tile(finish, p, shape, (row, left), acc, (wide, high), scales)

        def group(block: Any, high: int, at: tuple[Expr, Expr, Expr, Expr], widen: bool) -> None:
            """A cache tile's outputs of ``high`` blocks."""
            row, left, rows, wide = at
            if staged and widen:
                widen_weights(block, high)
            with T.serial(0, rows) as line:
                with T.serial(0, wide // pixels) as column:
                    start = column * pixels
                    tile(block, (row + line, left + start, line, start), pixels, high)
                rest = y.width % pixels
                if rest:  # only the last cache tile of a row has one
                    with T.serial(0, wide % pixels // rest):
                        start = wide - rest
                        tile(block, (row + line, left + start, line, start), rest, high)

        def cache_tiles(first: Any, whole: int) -> None:
            """All outputs of ``whole`` blocks from ``first`` on, which read the same channels."""
            once = whole == columns
            if staged and once:
                widen_weights(first, columns)
            with (
                T.serial(0, -(-y.height // cached.rows)) as down,
                T.serial(0, -(-y.width // cached.columns)) as across,
            ):
                row, left = T.bind(down * cached.rows), T.bind(across * cached.columns)
                rows = _part(row, y.height, cached.rows)
                wide = _part(left, y.width, cached.columns)
                widen_activations(first, row, left, rows, wide)
                at = (row, left, rows, wide)
                if once:
                    group(first, columns, at, False)
                else:
                    with T.serial(0, whole // columns) as index:
                        group(T.bind(first + index * columns), columns, at, True)
                    if whole % columns:
                        group(first + whole // columns * columns, whole % columns, at, True)

        with T.serial(0, blocks // together) as index:
            cache_tiles(T.bind(index * together), together)

    channels = blocks * isa.lanes
    return function(name, parameters(isa, shape, channels, channels * kh * kw * reads.span), body)


def _part(first: Expr, whole: int, size: int) -> Any:
    """``size``, or what is left of ``whole`` from ``first`` on."""
    return size if whole % size == 0 else T.bind(T.min(T.int32(size), whole - first))
