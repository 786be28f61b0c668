"""Depthwise convolution with a two-way dot product: each dot takes two rows' taps of a column.

Two rows of 16 channels, widened to int16 and interleaved, are the operands of every output whose
window they meet: with stride 1 a tile has two rows of outputs, of which one sees the taps of a pair
of rows one row further down, so its weights are shifted and zero elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import epilogue, parameters
from ..defaults import even_tiles, every, vector_words
from ..frame import function, rounded, runs, store
from ..isa.base import Expr, Isa, balanced, shuffle
from ..packed import Packed
from .shape import DepthwiseShape

CHUNK = 16
"""Channels of a tile: two vectors of int32."""

ORDERS = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])
"""Channels of the two vectors: VPUNPCKLWD and VPUNPCKHWD work within 128 bits."""

PIXELS = 2
"""Pixels of a tile's row: eight accumulators leave registers for operands and weights."""


def _pairs(kernel: int, stride: int) -> tuple[int, int]:
    """(pairs of rows that a tile reads, rows of outputs of a tile)."""
    rows = 2 if stride == 1 else 1
    return -(-(kernel + rows - 1) // 2), rows


def width(isa: Isa, channels: int) -> int:
    """Entries of a table per channel."""
    return rounded(channels, CHUNK)


def pack(isa: Isa, weight: np.ndarray, stride: tuple[int, ...]) -> np.ndarray:
    """int8 (C, 1, kh, kw) to (C / 16, pair, kw, row of outputs, vector, 8, row of the pair)."""
    channels, _, kh, kw = weight.shape
    pairs, rows = _pairs(kh, stride[0])
    padded = np.zeros((width(isa, channels), kh, kw), np.int8)
    padded[:channels] = weight[:, 0]
    taps = padded.reshape(-1, CHUNK, kh, kw)
    packed = np.zeros((len(taps), pairs, kw, rows, 2, isa.lanes, 2), np.int8)
    for pair in range(pairs):
        for row in range(rows):
            for of_pair in range(2):
                ky = 2 * pair + of_pair - row
                if 0 <= ky < kh:
                    for vector, order in enumerate(ORDERS):
                        column = taps[:, order, ky].transpose(0, 2, 1)
                        packed[:, pair, :, row, vector, :, of_pair] = column
    return packed


FRACTION = 0
RECTIFIES = False
fits = every
words = vector_words
tile_bounds, grid = even_tiles("pixels", lambda shape: int(shape.y.width))


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order."""
    return Packed(pack(isa, weight, shape.stride), width(isa, len(weight)))


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    x, y, other, lanes = shape.x, shape.y, shape.other, isa.lanes
    channels = width(isa, y.channels)
    kh, kw = shape.kernel
    down, across = shape.stride
    pairs, high = _pairs(kh, down)
    vectors = pairs * kw * high * 2
    pixels = balanced(y.width, PIXELS)
    kind, words = f"int32x{lanes}", f"int16x{CHUNK}"

    def body(**p: Any) -> None:
        finish = epilogue(isa.interleaved, lanes, shape, p)
        weights = T.alloc_buffer((vectors * CHUNK,), "int16", scope="local")

        def ordered(parts: list[Expr]) -> list[Expr]:
            """Two vectors of channels in the order of the accumulators."""
            return [shuffle(parts, order) for order in ORDERS]

        def widen_weights(block: Expr) -> None:
            with T.serial(0, vectors) as index:
                value = p["w"].vload([(block * vectors + index) * CHUNK], f"int8x{CHUNK}")
                store(weights, index * CHUNK, T.Cast(words, value), CHUNK)

        def operands(at: Expr, below: Expr) -> list[Expr]:
            """The channels of two pixels, one below the other, in pairs."""
            rows = [
                T.bind(T.Cast(words, p["x"].vload([i], f"{isa.dtype}x{CHUNK}")))
                for i in (at, below)
            ]
            places = [[(c, c + CHUNK) for c in order] for order in ORDERS]
            return [shuffle(rows, [i for pair in order for i in pair]) for order in places]

        def tile(block: Any, row: Any, left: Any, wide: int, rows: int) -> None:
            """``rows`` by ``wide`` outputs of the channels of ``block``."""
            channel = T.bind(block * CHUNK)
            acc = T.alloc_buffer((rows * wide * CHUNK,), "int32", scope="local")

            def place(r: int, m: int, v: int) -> int:
                return ((r * wide + m) * 2 + v) * lanes

            bias = [T.bind(p["bias"].vload([channel + v * lanes], kind)) for v in range(2)]
            for v, start in enumerate(ordered(bias)):
                for r in range(rows):
                    for m in range(wide):
                        store(acc, place(r, m, v), start, lanes)
            base = T.bind(row * (down * x.row) + left * (across * x.pixel) + channel)
            last = (rows - 1) * down + kh - 1  # no row below is read
            with T.serial(0, -(-(last + 1) // 2)) as pair:
                upper = T.bind(base + pair * (2 * x.row))
                step = 1 if last % 2 else T.min(T.int32(1), last - pair * 2)
                lower = T.bind(upper + step * x.row)
                for column in range((wide - 1) * across + kw):
                    meets = [
                        (m, column - m * across)
                        for m in range(wide)
                        if 0 <= column - m * across < kw
                    ]
                    if not meets:
                        continue
                    found = operands(upper + column * x.pixel, lower + column * x.pixel)
                    for m, kx in meets:
                        for r in range(rows):
                            for v in range(2):
                                index = ((pair * kw + kx) * high + r) * 2 + v
                                weight = T.bind(weights.vload([index * CHUNK], words))
                                total = acc.vload([place(r, m, v)], kind)
                                total = isa.dot(total, found[v], weight)
                                store(acc, place(r, m, v), total, lanes)
            tables = [
                finish.scales((p["scale"], p["negative"]), channel + v * lanes) for v in (0, 1)
            ]
            factors = ordered([table[0] for table in tables])
            slopes: list[Any] = [None, None]
            if tables[0][1] is not None:
                slopes = ordered([table[1] for table in tables])
            for r in range(rows):
                parts = []
                for m in range(wide):
                    addends: list[Any] = [None, None]
                    if other:
                        at = (row + r) * other.row + (left + m) * other.pixel + channel
                        addends = ordered(isa.widened(p["other"], at, 2, lanes))
                    for v in range(2):
                        total = acc.vload([place(r, m, v)], kind)
                        parts.append(finish.rounded(total, (factors[v], slopes[v]), addends[v]))
                first = (row + r) * y.row + left * y.pixel + channel
                finish.store(p["y"], parts, runs(first, wide, 2, y.pixel, lanes), channel)

        def row_tile(block: Any, row: Any, rows: int) -> None:
            with T.serial(0, y.width // pixels) as column:
                tile(block, row, column * pixels, pixels, rows)
            if y.width % pixels:
                tile(block, row, y.width // pixels * pixels, y.width % pixels, rows)

        with T.serial(0, channels // CHUNK) as block:
            widen_weights(block)
            with T.serial(0, y.height // high) as rows:
                row_tile(block, rows * high, high)
            if y.height % high:
                row_tile(block, y.height // high * high, y.height % high)

    return function(name, parameters(isa, shape, channels, channels * vectors), body)
