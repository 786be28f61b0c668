"""Products of two activations by plain vectors: a row of one against rows of the other."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..epilogue import FLOATS, INTS, PLAIN, Epilogue, Part, Rounding
from ..frame import function, rounded, runs
from ..isa.base import Expr, Isa
from .shape import MatMulShape
from .sums import Sums, Vectors

fits = every
tile_bounds = no_tiles

TOGETHER = 4
"""Rows of b whose sums are made at once."""


def build(name: str, isa: Isa, shape: MatMulShape) -> tirx.PrimFunc:
    """``name(a, b, scale, floats, ints, sums, y)``; see ``framed``."""
    return framed(name, isa, shape, Vectors())


def framed(name: str, isa: Isa, shape: MatMulShape, make: Sums) -> tirx.PrimFunc:
    """``name(a, b, scale, floats, ints, sums, y)`` on the sums that ``make`` gives.

    ``sums`` is scratch: int32 of a row of results, then the share of b's zero points in each.
    ``a_factor`` and ``b_factor`` of INTS are minus the stored zero points of a and b.
    """
    lanes = isa.vector
    columns = rounded(shape.columns, lanes)
    parameters = [
        ("a", isa.dtype, shape.a.extent),
        ("b", isa.dtype, shape.b.extent),
        ("scale", "float32", shape.heads),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("sums", "int32", 2 * columns),
        ("y", isa.dtype, shape.y.extent),
    ]

    def body(**p: Any) -> None:
        epilogue = Epilogue(
            isa, lanes, p["floats"], p["ints"],
            rounding=Rounding(wide=shape.wide) if shape.wide else PLAIN,
        )  # fmt: skip
        a_minus, b_minus = (
            T.bind(p["ints"].vload([INTS.index(n)], "int32")) for n in ("a_factor", "b_factor")
        )
        sums = p["sums"]

        def scratch(at: Expr, lanes: int = 1) -> Expr:
            return sums.vload([at], f"int32x{lanes}" if lanes > 1 else "int32")

        with T.serial(0, shape.heads) as head:
            first_a, first_b = T.bind(head * shape.a.head), T.bind(head * shape.b.head)
            scale = T.bind(T.broadcast(p["scale"].vload([head], "float32"), lanes))
            both = T.bind(a_minus * b_minus * shape.inner)
            with T.serial(0, shape.columns) as column:
                at = first_b + column * shape.b.row
                (own,) = make.totals(p["b"], at, shape.inner, squares=False)
                T.buffer_store(sums, own * a_minus + both, [columns + column])
            with T.serial(0, shape.rows) as row:
                at = T.bind(first_a + row * shape.a.row)
                (own,) = make.totals(p["a"], at, shape.inner, squares=False)
                share = T.bind(own * b_minus)

                def some(column: Expr, count: int, at: Expr = at, share: Expr = share) -> None:
                    starts = [first_b + (column + n) * shape.b.row for n in range(count)]
                    found = make.dots(p["a"], at, p["b"], starts, shape.inner)
                    for n, acc in enumerate(found):
                        whole = acc + share + scratch(columns + column + n)
                        T.buffer_store(sums, whole, [column + n])

                if shape.columns // TOGETHER:
                    with T.serial(0, shape.columns // TOGETHER) as block:
                        some(block * TOGETHER, TOGETHER)
                if shape.columns % TOGETHER:
                    some(T.int32(shape.columns // TOGETHER * TOGETHER), shape.columns % TOGETHER)

                blocks = columns // lanes
                high = max(n for n in (1, 2, 4) if blocks % n == 0)
                target = T.bind(head * shape.y.head + row * shape.y.row)
                with T.serial(0, blocks // high) as group:
                    parts: list[Part] = []
                    for n in range(high):
                        acc = T.bind(scratch((group * high + n) * lanes, lanes))
                        parts.append(epilogue.rounded(acc, (scale, None)))
                    start = target + group * (high * lanes)
                    epilogue.store(p["y"], parts, runs(start, 1, high, high * lanes, lanes))

    return function(name, parameters, body)
