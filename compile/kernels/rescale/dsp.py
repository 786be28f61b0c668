"""Rescale in 16-bit words on Cortex-M's DSP extension: four values a step, two in a register."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..cortex_m.dsp import Words, halves, joined, load
from ..defaults import every, no_tiles
from ..epilogue import INTS
from ..frame import flattened, function, rounded
from ..isa.base import Expr, Isa
from .shape import PIECE, WordsShape

GROUP = 4

fits = every
tile_bounds = no_tiles


def build(name: str, isa: Isa, shape: WordsShape) -> tirx.PrimFunc:
    """``name(x, factors, ints, y)``; ``factors`` as rescale_words.pack makes them."""
    x, y = flattened(shape.x, shape.y)
    groups = rounded(y.channels, PIECE) // GROUP
    parameters = [
        ("x", isa.dtype, x.extent),
        ("factors", "int32", groups * 4),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        words = Words(p["factors"], p["ints"], shape.product.shift, shape.clamped)

        with T.serial(0, groups) as group:
            factors = words.factors(group)

            def step(row: Expr, column: Expr) -> None:
                values = halves(load(p["x"], row * x.row + column * x.pixel + group * GROUP))
                result = joined(*words.both(values, factors))
                at = row * y.row + column * y.pixel + group * GROUP
                stored = T.reinterpret(result, dtype="int8x4")
                T.buffer_store(p["y"], stored, [T.ramp(at, 1, GROUP)])

            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                step(row, column)

    return function(name, parameters, body)
