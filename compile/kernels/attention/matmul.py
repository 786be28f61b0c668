"""Products of two activations by plain vectors: a row of one against rows of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..epilogue import FLOATS, INTS, PLAIN, Epilogue, Part, Rounding
from ..frame import function, rounded, runs, store
from ..isa.base import Expr, Isa, intrinsic
from ..real.frame import pieces
from .shape import MatMulShape

fits = every
tile_bounds = no_tiles

BLOCK = 16
"""Values of two rows that one step multiplies."""

TOGETHER = 4
"""Rows of b whose sums are made at once."""

Dots = Callable[[Isa, Expr, Expr, Expr, list[Expr], int], list[Expr]]
"""``dots(isa, a, at, b, ats, inner)``: the sums over one row of a and each of some rows of b."""


def build(name: str, isa: Isa, shape: MatMulShape) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, sums, y)``; see ``framed``."""
    return framed(name, isa, shape, dots)


def framed(name: str, isa: Isa, shape: MatMulShape, dots: Dots) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, sums, y)`` on the sums of ``dots``.

    ``sums`` is scratch: int32 of a row of results, then the share of b's zero points in each.
    ``a_factor`` and ``b_factor`` of INTS are minus the stored zero points of a and b.
    """
    lanes = isa.vector
    columns = rounded(shape.columns, lanes)
    parameters = [
        ("a", isa.dtype, shape.a.extent),
        ("b", isa.dtype, shape.b.extent),
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
            both = T.bind(a_minus * b_minus * shape.inner)
            with T.serial(0, shape.columns) as column:
                own = total(isa, p["b"], first_b + column * shape.b.row, shape.inner)
                T.buffer_store(sums, own * a_minus + both, [columns + column])
            with T.serial(0, shape.rows) as row:
                at = T.bind(first_a + row * shape.a.row)
                share = T.bind(total(isa, p["a"], at, shape.inner) * b_minus)

                def some(column: Expr, count: int, at: Expr = at, share: Expr = share) -> None:
                    starts = [first_b + (column + n) * shape.b.row for n in range(count)]
                    found = dots(isa, p["a"], at, p["b"], starts, shape.inner)
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
                        parts.append(epilogue.rounded(acc, (epilogue.f["positive"], None)))
                    start = target + group * (high * lanes)
                    epilogue.store(p["y"], parts, runs(start, 1, high, high * lanes, lanes))

    return function(name, parameters, body)


def total(isa: Isa, buffer: Expr, at: Expr, inner: int) -> Expr:
    """int32: the sum of ``inner`` stored values."""
    found = T.alloc_buffer((1,), "int32", scope="local")
    T.buffer_store(found, T.int32(0), [0])

    def more(offset: Expr, lanes: int) -> None:
        part = across(wide(buffer, at + offset, lanes), lanes)
        T.buffer_store(found, found.vload([0], "int32") + part, [0])

    steps(inner, more)
    return found.vload([0], "int32")


def dots(isa: Isa, a: Expr, at: Expr, b: Expr, starts: list[Expr], inner: int) -> list[Expr]:
    """Sums in vectors, or straight in one number where the instruction set has that."""
    kept = 1 if isa.across else BLOCK
    kind = "int32" if isa.across else f"int32x{BLOCK}"
    accs = [T.alloc_buffer((kept,), "int32", scope="local") for _ in starts]
    rest = [T.alloc_buffer((1,), "int32", scope="local") for _ in starts]
    for acc, end in zip(accs, rest, strict=True):
        zero = T.int32(0) if isa.across else T.broadcast(T.int32(0), BLOCK)
        T.buffer_store(acc, zero, [0]) if isa.across else store(acc, 0, zero, BLOCK)
        T.buffer_store(end, T.int32(0), [0])

    def more(offset: Expr, lanes: int) -> None:
        own = T.bind(wide(a, at + offset, lanes))
        for acc, end, start in zip(accs, rest, starts, strict=True):
            product = own * wide(b, start + offset, lanes)
            if lanes == BLOCK and not isa.across:
                store(acc, 0, acc.vload([0], kind) + product, BLOCK)
            else:
                T.buffer_store(end, end.vload([0], "int32") + across(product, lanes), [0])

    steps(inner, more)
    if isa.across or inner < BLOCK:
        return [end.vload([0], "int32") for end in rest]
    return [
        across(T.bind(acc.vload([0], kind)), BLOCK) + end.vload([0], "int32")
        for acc, end in zip(accs, rest, strict=True)
    ]


def steps(inner: int, more: Callable[[Expr, int], None]) -> None:
    """Calls ``more(offset, lanes)`` until ``inner`` values are covered."""
    if inner // BLOCK:
        with T.serial(0, inner // BLOCK) as block:
            more(block * BLOCK, BLOCK)
    for start, lanes in pieces(inner, BLOCK):
        more(T.int32(start), lanes)


def wide(buffer: Expr, at: Expr, lanes: int) -> Expr:
    """Stored values as int32."""
    if lanes == 1:
        return T.Cast("int32", buffer.vload([at], buffer.dtype))
    return T.Cast(f"int32x{lanes}", buffer.vload([at], f"{buffer.dtype}x{lanes}"))


def across(values: Expr, lanes: int) -> Expr:
    """The sum of a vector's values."""
    if lanes == 1:
        return values
    return intrinsic("llvm.vector.reduce.add", "int32", values)
