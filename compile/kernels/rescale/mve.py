"""Rescale in 16-bit words on MVE: sixteen values a step, those of even and of odd number apart.

VSHLL widens and shifts; VQRDMLASH is the rounding high product and adds the zero point.
"""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..cortex_m.mve import between, joined, mve, prelu_words
from ..defaults import every, no_tiles
from ..epilogue import INTS
from ..frame import flattened, function, rounded
from ..isa.base import Expr, Isa
from .shape import PIECE, WordsShape


class Sixteen:
    """The rescale of sixteen channels; ``factors`` and ``ints`` are build()'s parameters."""

    def __init__(self, factors: Any, ints: Any, shape: WordsShape):
        self.table, self.shift, self.clamped = factors, shape.product.shift, shape.clamped
        self.i = {name: T.bind(ints.vload([i], "int32")) for i, name in enumerate(INTS)}
        self.zero = T.bind(self.i["source_zero"] << T.int32(self.shift))

    def factors(self, piece: Expr) -> list[Expr]:
        """Of the sixteen channels ``piece``: positive and negative, each of both halves."""
        return [T.bind(self.table.vload([(piece * 4 + n) * 8], "int16x8")) for n in range(4)]

    def stored(self, values: Expr, factors: list[Expr]) -> Expr:
        """int8x16 results of int8x16 values."""
        even, odd = (self._words(values, half, factors) for half in (0, 1))
        return joined(even, odd, "int8x16")

    def _words(self, values: Expr, half: int, factors: list[Expr]) -> Expr:
        if self.shift:
            flags = T.int32(self.shift), T.int32(0), T.int32(half)
            wide = mve("vshll.imm", "int16x8", values, *flags)
        else:
            order = [T.int32(2 * n + half) for n in range(8)]
            wide = T.bind(T.Cast("int16x8", T.bind(T.Shuffle([values], order))))
        acc = T.bind(wide - T.broadcast(T.Cast("int16", self.zero), 8))
        result = prelu_words(acc, factors[half], factors[2 + half], self.i["zero"])
        if not self.clamped:
            return result
        return between(result, self.i["minimum"], self.i["maximum"])


fits = every
tile_bounds = no_tiles


def build(name: str, isa: Isa, shape: WordsShape) -> tirx.PrimFunc:
    """``name(x, factors, ints, y)``; ``factors`` as rescale_words.pack makes them."""
    x, y = flattened(shape.x, shape.y)
    pieces = rounded(y.channels, PIECE) // PIECE
    parameters = [
        ("x", isa.dtype, x.extent),
        ("factors", "int16", pieces * 4 * (PIECE // 2)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        rescale = Sixteen(p["factors"], p["ints"], shape)
        with T.serial(0, pieces) as piece:
            factors = rescale.factors(piece)
            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                at = row * x.row + column * x.pixel + piece * PIECE
                values = rescale.stored(T.bind(p["x"].vload([at], f"int8x{PIECE}")), factors)
                at = row * y.row + column * y.pixel + piece * PIECE
                T.buffer_store(p["y"], values, [T.ramp(at, 1, PIECE)])

    return function(name, parameters, body)
