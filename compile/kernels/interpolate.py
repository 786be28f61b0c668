"""Linear interpolation between rows and columns in integers, by vectors of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from .defaults import every, no_tiles
from .epilogue import FLOATS, INTS, Epilogue, Rounding
from .frame import View, function, runs, tiles, widen
from .isa.base import Expr, Isa

ONE = 2**11
"""What the weights of two neighbours sum up to."""

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class InterpolateShape:
    """Views of source and result; ``wide`` as in epilogue.Rounding."""

    family: ClassVar[str] = "interpolate"
    label: ClassVar[str] = "interpolate"
    x: View
    y: View
    wide: bool = False


def build(name: str, isa: Isa, shape: InterpolateShape) -> tirx.PrimFunc:
    """``name(x, rows, columns, floats, ints, y)``.

    The tables are int32 (3, height) and (3, width): where both neighbours start, in bytes, and the
    weight of the first one.
    """
    x, y, lanes = shape.x, shape.y, isa.vector
    parameters = [
        ("x", isa.dtype, x.extent),
        ("rows", "int32", 3 * y.height),
        ("columns", "int32", 3 * y.width),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], rounding=Rounding(wide=shape.wide))
        centre = T.bind(epilogue.i["source_zero"] * T.broadcast(T.int32(ONE * ONE), lanes))

        def entries(table: str, place: Expr, size: int) -> tuple[Expr, Expr, Expr, Expr]:
            first, second, weight = (
                T.bind(p[table].vload([place + n * size], "int32")) for n in range(3)
            )
            pair = weight, T.int32(ONE) - weight
            return first, second, *(T.bind(T.broadcast(w, lanes)) for w in pair)

        def tile(channels: list[Expr], row: Expr, left: Expr, wide: int, _: Any) -> None:
            top, bottom, upper, lower = entries("rows", row, y.height)
            parts = []
            for m in range(wide):
                near, far, first, second = entries("columns", left + m, y.width)
                for channel in channels:
                    sums = [
                        widen(p["x"], top + across + channel, lanes) * upper
                        + widen(p["x"], bottom + across + channel, lanes) * lower
                        for across in (near, far)
                    ]
                    acc = T.bind(sums[0] * first + sums[1] * second - centre)
                    parts.append(epilogue.rounded(acc, (epilogue.f["positive"], None)))
            start = row * y.row + left * y.pixel + channels[0]
            epilogue.store(p["y"], parts, runs(start, wide, len(channels), y.pixel, lanes))

        tiles(y, lanes, tile)

    return function(name, parameters, body)
