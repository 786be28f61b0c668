"""Depthwise convolution with a four-way dot product: each dot takes four neighbours of a row.

Four pixels of ``isa.chunk`` channels are transposed in registers so that the bytes of one channel
stand together. Each output of a tile reads taps of a chunk with weights that are shifted to where
the taps stand in the chunk and zero elsewhere: 4 dots for 4 outputs of a row of 3 taps, 8 for 5
taps, 10 for 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import epilogue, parameters
from ..defaults import even_tiles, every, vector_words
from ..frame import function, rounded, runs, store
from ..isa.base import Expr, Isa
from ..packed import Packed
from .shape import DepthwiseShape

PIXELS = 4
"""Pixels of a chunk, and outputs of a row of a tile."""

UNROLLED = 320
"""Dots of one tile that are written out."""


@dataclass(frozen=True)
class Row:
    """The dots of a tile's row: (output, chunk, shift) each, by the chunks' first pixels.

    A shift is where the taps begin, counted from the chunk's first pixel: its weights serve every
    output and chunk that it fits.
    """

    starts: tuple[int, ...]
    shifts: tuple[int, ...]
    dots: tuple[tuple[int, int, int], ...]


def row_of(kernel: int, stride: int) -> Row:
    """Chunks side by side; for 3 taps they overlap, so that one chunk holds all that two need."""
    last = stride * (PIXELS - 1) + kernel
    starts = (0, 2) if (kernel, stride) == (3, 1) else tuple(range(0, last, PIXELS))
    found = []
    for output in range(PIXELS):
        first, end = stride * output, stride * output + kernel
        if (kernel, stride) == (3, 1):
            chunks = [output // 2]
        else:
            chunks = [c for c, at in enumerate(starts) if at < end and first < at + PIXELS]
        found += [(output, chunk, first - starts[chunk]) for chunk in chunks]
    shifts = tuple(dict.fromkeys(shift for _, _, shift in found))
    return Row(starts, shifts, tuple((o, c, shifts.index(shift)) for o, c, shift in found))


def width(isa: Isa, channels: int) -> int:
    """Entries of a table per channel."""
    return rounded(channels, max(isa.vector, isa.chunk))


def pack(isa: Isa, weight: np.ndarray, stride: tuple[int, ...]) -> np.ndarray:
    """int8 (C, 1, kh, kw) to (C / chunk, kh, shifts, chunk, 4): the shifted weights."""
    channels, _, kh, kw = weight.shape
    wide = rounded(channels, isa.chunk)
    taps = np.zeros((wide, kh, kw), np.int8)
    taps[:channels] = weight[:, 0]
    shifts = row_of(kw, stride[1]).shifts
    packed = np.zeros((wide // isa.chunk, kh, len(shifts), isa.chunk, PIXELS), np.int8)
    for index, shift in enumerate(shifts):
        for pixel in range(PIXELS):
            if 0 <= pixel - shift < kw:
                column = taps[:, :, pixel - shift].reshape(-1, isa.chunk, kh)
                packed[:, :, index, :, pixel] = column.transpose(0, 2, 1)
    return packed


FRACTION = 0
RECTIFIES = False
fits = every
words = vector_words
tile_bounds, grid = even_tiles("rows", lambda shape: int(shape.y.height))


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order."""
    return Packed(pack(isa, weight, shape.stride), width(isa, len(weight)))


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    x, y, other = shape.x, shape.y, shape.other
    span = isa.chunk
    channels = rounded(y.channels, span)
    kh, kw = shape.kernel
    down, across = shape.stride
    line_of = row_of(kw, across)
    vectors = span // isa.lanes
    # Accumulators of a tile stay in registers, its dots within what is worth writing out.
    limits = (
        isa.depthwise_registers(kh) // (PIXELS * vectors),
        UNROLLED // (kh * len(line_of.dots) * vectors),
    )
    high = shape.tile.rows or max(1, min(y.height, *limits))
    high = -(-y.height // -(-y.height // high))
    kind = f"int32x{isa.lanes}"

    def body(**p: Any) -> None:
        finish = epilogue(isa, isa.lanes, shape, p)
        unknown = isa.unknown_zero(finish.limits)

        def chunk(at: Expr, first: int, last: int) -> list[Expr]:
            """Pixels ``first`` to ``first + 3``, transposed; none past ``last`` is read."""
            if x.pixel == span and first + PIXELS - 1 <= last:
                whole = T.bind(p["x"].vload([at + first * x.pixel], f"{isa.dtype}x{PIXELS * span}"))
                return isa.transposed([whole])
            pixels = [min(first + pixel, last) for pixel in range(PIXELS)]
            size = max(span, isa.loads)
            loads = {
                pixel: T.bind(p["x"].vload([at + pixel * x.pixel], f"{isa.dtype}x{size}"))
                for pixel in dict.fromkeys(pixels)
            }
            return isa.transposed([loads[pixel] for pixel in pixels])

        def tile(block: Any, row: Any, left: Any, wide: int, rows: int) -> None:
            """``rows`` by ``wide`` outputs of the channels of ``block``."""
            opaque_zero = unknown * left if unknown is not None else 0
            channel = T.bind(block * span)
            acc = T.alloc_buffer((rows * wide * span,), "int32", scope="local")

            def place(r: int, m: int, v: int) -> int:
                return ((r * wide + m) * vectors + v) * isa.lanes

            for v in range(vectors):
                start = T.bind(p["bias"].vload([opaque_zero + channel + v * isa.lanes], kind))
                for r in range(rows):
                    for m in range(wide):
                        store(acc, place(r, m, v), start, isa.lanes)
            base = T.bind(row * (down * x.row) + left * (across * x.pixel) + channel)
            last = across * (wide - 1) + kw - 1
            used = [dot for dot in line_of.dots if dot[0] < wide]
            for line in range(down * (rows - 1) + kh):
                chunks: dict[int, list[Expr]] = {}
                for c in sorted({c for _, c, _ in used}):
                    chunks[c] = chunk(base + line * x.row, line_of.starts[c], last)
                    for r in range(rows):
                        ky = line - r * down
                        if not 0 <= ky < kh:
                            continue
                        for m, own, shift in used:
                            if own != c:
                                continue
                            for v in range(vectors):
                                at = ((block * kh + ky) * len(line_of.shifts) + shift) * vectors + v
                                weight = isa.weight(p["w"], (opaque_zero + at) * isa.lanes * PIXELS)
                                total = acc.vload([place(r, m, v)], kind)
                                total = isa.dot(total, chunks[c][v], weight)
                                store(acc, place(r, m, v), total, isa.lanes)
            at_channel = [opaque_zero + channel + v * isa.lanes for v in range(vectors)]
            scales = [finish.scales((p["scale"], p["negative"]), c) for c in at_channel]
            for r in range(rows):
                parts = []
                for m in range(wide):
                    addends: list[Any] = [None] * vectors
                    if other:
                        at = (row + r) * other.row + (left + m) * other.pixel + channel
                        addends = isa.widened(p["other"], at, vectors, isa.lanes)
                    for v in range(vectors):
                        total = acc.vload([place(r, m, v)], kind)
                        parts.append(finish.rounded(total, scales[v], addends[v]))
                first = (row + r) * y.row + left * y.pixel + channel
                finish.store(p["y"], parts, runs(first, wide, vectors, y.pixel, isa.lanes), channel)

        def row_tile(block: Any, row: Any, rows: int) -> None:
            if y.width >= PIXELS:
                with T.serial(0, y.width // PIXELS) as column:
                    tile(block, row, column * PIXELS, PIXELS, rows)
            if y.width % PIXELS:
                tile(block, row, y.width // PIXELS * PIXELS, y.width % PIXELS, rows)

        with T.serial(0, channels // span) as block:
            with T.serial(0, y.height // high) as rows:
                row_tile(block, rows * high, high)
            if y.height % high:
                row_tile(block, y.height // high * high, y.height % high)

    return function(
        name, parameters(isa, shape, channels, channels * kh * len(line_of.shifts) * PIXELS), body
    )
