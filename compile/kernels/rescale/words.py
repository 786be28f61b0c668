"""Rescale in 16-bit words: a rounding high multiplication where it gives the float rule's bytes.

``(acc << shift) * m`` rounded to 15 bits less (VPMULHRSW, SQRDMULH) has twice the lanes of float32
and needs no conversions. ``arithmetic/words.py`` finds the ``m`` of every channel and sign, or that
there is none; then the float kernel of ``elementwise`` does the layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every
from ..epilogue import INTS, limits, prelu
from ..frame import View, flattened, function, rounded, spread, store
from ..isa.base import Expr, Isa, shuffle
from ..tile import Tile
from .shape import PIECE, VECTORS, WordsShape, period_of, vectors_of

fits = every


def pack(isa: Isa, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """int16 (C) factors of each sign to (vectors, sign, half, bytes / 2) in the halves' order."""
    wide = rounded(len(positive), PIECE)
    table = np.zeros((2, wide), np.int16)
    table[:, : len(positive)] = positive, negative
    whole = np.tile(table, period_of(isa, wide)).reshape(2, -1, isa.bytes)
    return np.ascontiguousarray(whole[:, :, isa.halves_order()].transpose(1, 0, 2, 3))


def tile_bounds(isa: Isa, shape: WordsShape) -> dict[str, int]:
    """How large each choice of a tile may be."""
    return {"pixels": repeated(isa, shape) * period_of(isa, shape.y.channels)}


def misfit(isa: Isa, shape: WordsShape, tile: Tile) -> str | None:
    """What is wrong with a tile within its bounds, or None."""
    period = period_of(isa, shape.y.channels)
    if (tile.pixels or 0) % period:
        return f"expected pixels in multiples of {period}, got {tile.pixels}"
    return None


def grid(isa: Isa, shape: WordsShape) -> Iterator[Tile]:
    """Tiles worth trying: repetitions of the period that share factors."""
    most = repeated(isa, shape)
    for count in (n for n in (1, 2, 3, 4, 6, 8, 12, 16) if n <= most):
        yield Tile(pixels=count * period_of(isa, shape.y.channels))


def repeated(isa: Isa, shape: WordsShape) -> int:
    """Periods that a row has as the kernel sees it, up to ``VECTORS``."""
    row = flattened(shape.x, shape.y)[1].width // period_of(isa, shape.y.channels)
    return min(row, VECTORS // vectors_of(isa, shape.y.channels))


def build(name: str, isa: Isa, shape: WordsShape) -> tirx.PrimFunc:
    """``name(x, factors, ints, y)``."""
    x, y = flattened(shape.x, shape.y)
    pixel = rounded(y.channels, PIECE)
    period = period_of(isa, pixel)
    all_vectors = period * pixel // isa.bytes
    vectors = vectors_of(isa, y.channels)
    if vectors < all_vectors:
        pixel = vectors * isa.bytes
    wide = shape.tile.pixels or period * max(1, isa.word_vectors // vectors)
    half = isa.bytes // 2
    parameters = [
        ("x", isa.dtype, x.extent),
        ("factors", "int16", all_vectors * 4 * half),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def pieces(view: View, base: Expr, vector: int, pixels: int) -> list[tuple[Expr, int]]:
        """(index, bytes) of what stands together in ``vector``; nothing past ``pixels``."""
        found: list[list[int]] = []
        for flat in range(vector * isa.bytes, (vector + 1) * isa.bytes, PIECE):
            if flat // pixel >= pixels:
                break
            at = flat // pixel * view.pixel + flat % pixel
            if found and sum(found[-1]) == at:
                found[-1][1] += PIECE
            else:
                found.append([at, PIECE])
        return [(base + at, count) for at, count in found]

    def body(**p: Any) -> None:
        ends = limits(p["ints"], shape.clamped)
        zero = isa.zeros(spread(p["ints"], INTS.index("source_zero"), half))

        def load(at: list[tuple[Expr, int]]) -> Expr:
            values = [T.bind(p["x"].vload([i], f"{isa.dtype}x{count}")) for i, count in at]
            count = sum(count for _, count in at)
            if len(values) == 1 and count == isa.bytes:
                return values[0]
            copies = -(-isa.bytes // count)  # a shuffle gives no more values than it takes
            return shuffle(values * copies, list(range(count * copies))[: isa.bytes])

        def words(steps: Expr, vector: Expr, which: int) -> Expr:
            acc = T.bind(steps)
            first = (vector * 4 + which) * half
            positive, negative = (
                p["factors"].vload([first + sign * 2 * half], f"int16x{half}") for sign in (0, 1)
            )
            return prelu(isa, acc, (positive, negative), shape.product, half)

        def tile(group: Expr, row: Expr, left: Expr, pixels: int) -> None:
            source, target = (row * v.row + left * v.pixel + group * pixel for v in (x, y))
            for vector in range(-(-pixels * pixel // isa.bytes)):
                low, high = isa.differences(load(pieces(x, source, vector, pixels)), zero)
                number = group * vectors + vector % vectors
                done = [words(low, number, 0), words(high, number, 1)]
                result = isa.joined(done, half, ends)
                start = 0
                for index, count in pieces(y, target, vector, pixels):
                    part = result
                    if count < isa.bytes:
                        part = shuffle([result], list(range(start, start + count)))
                    store(p["y"], index, part, count)
                    start += count

        def rows(group: Expr) -> None:
            with T.serial(0, y.height) as row:
                if y.width >= wide:
                    with T.serial(0, y.width // wide) as column:
                        tile(group, row, column * wide, wide)
                if y.width % wide:
                    tile(group, row, y.width // wide * wide, y.width % wide)

        if all_vectors > vectors:
            with T.serial(0, all_vectors // vectors) as group:
                rows(group)
        else:
            rows(0)

    return function(name, parameters, body)
