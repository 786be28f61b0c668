"""Layer norm: sums of a pixel in integers, a root and a quotient for it, a product a value."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..epilogue import FLOATS, INTS, Epilogue, Part, Rounding
from ..frame import function, rounded, runs, widen
from ..isa.base import Expr, Isa, constant, intrinsic
from .shape import LayerNormShape
from .sums import Sums, Vectors

fits = every
tile_bounds = no_tiles

TOP, HALVINGS, REACH = 62, (32, 16, 8, 4, 2), 2.0**22
"""As in arithmetic/reference_attention.py, which says what they are."""


def build(name: str, isa: Isa, shape: LayerNormShape) -> tirx.PrimFunc:
    """``name(x, bias, scale, inside, beside, floats, ints, y)``."""
    return framed(name, isa, shape, Vectors())


def framed(name: str, isa: Isa, shape: LayerNormShape, make: Sums) -> tirx.PrimFunc:
    """The same on the sums that ``make`` gives."""
    x, y, lanes = shape.x, shape.y, isa.vector
    size, channels = y.channels, rounded(y.channels, lanes)
    parameters = [
        ("x", isa.dtype, x.extent),
        ("bias", "int32", channels),
        ("scale", "float32", channels),
        ("inside", "int64", 1),
        ("beside", "float32", 1),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        rounding = Rounding(wide=shape.wide)
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], rounding=rounding)
        inside = T.bind(p["inside"].vload([0], "int64"))
        beside = T.bind(p["beside"].vload([0], "float32"))
        least, most = (constant(end, "float32", lanes) for end in (-REACH, REACH))
        blocks = channels // lanes
        high = max(n for n in (1, 2, 4) if blocks % n == 0)
        kind = f"float32x{lanes}"
        with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
            source = T.bind(row * x.row + column * x.pixel)
            target = T.bind(row * y.row + column * y.pixel)
            total, squares = make.totals(p["x"], source, size, squares=True)
            zero = T.bind(p["ints"].vload([INTS.index("source_zero")], "int32"))
            root = _root(shape, size, (total, squares, zero), inside)
            total = total if shape.centred else T.bind(zero * T.int32(size))
            factor = T.broadcast(T.bind(T.float32(2.0**shape.unit) / (root + beside)), lanes)
            mean = T.broadcast(total, lanes)
            with T.serial(0, blocks // high) as group:
                parts: list[Part] = []
                for n in range(high):
                    channel = T.bind((group * high + n) * lanes)
                    own = widen(p["x"], source + channel, lanes)
                    away = own * constant(size, "int32", lanes) - mean
                    real = isa.bounded(T.bind(T.Cast(kind, away) * factor), least, most, lanes)
                    acc = T.bind(isa.rounded(real, lanes))
                    acc = acc + p["bias"].vload([channel], f"int32x{lanes}")
                    parts.append(epilogue.rounded(acc, (p["scale"].vload([channel], kind), None)))
                start = target + group * (high * lanes)
                epilogue.store(p["y"], parts, runs(start, 1, high, high * lanes, lanes))

    return function(name, parameters, body)


def _root(shape: LayerNormShape, size: int, sums: tuple[Expr, Expr, Expr], inside: Expr) -> Expr:
    """float32: ``sqrt(V + inside / 2^shift)``, of the sum, that of the squares, the zero point."""
    total, squares, zero = (T.Cast("int64", one) for one in sums)
    many = T.int64(size)
    if shape.centred:
        spread = T.bind(squares * many - total * total)
    else:
        own = T.bind(squares - T.int64(2) * zero * total + many * zero * zero)
        spread = T.bind(own * many)
    # In memory, as TVM writes out what names stand for wherever they are read.
    kept = T.alloc_buffer((1,), "int64", scope="local")
    moved = T.alloc_buffer((1,), "int32", scope="local")
    T.buffer_store(kept, (spread << T.int64(shape.shift)) + inside, [0])
    T.buffer_store(moved, T.int32(shape.shift), [0])
    for bits in HALVINGS:
        now, up = T.bind(kept.vload([0], "int64")), T.bind(moved.vload([0], "int32"))
        low = T.bind(now < T.int64(1 << (TOP - bits)))
        T.buffer_store(moved, T.Select(low, up + T.int32(bits), up), [0])
        T.buffer_store(kept, T.Select(low, now << T.int64(bits), now), [0])
    up = T.bind(moved.vload([0], "int32"))
    upper = T.bind(T.Cast("int32", kept.vload([0], "int64") >> T.int64(32)))
    mantissa = T.max(upper, T.int32(1))
    root = intrinsic("llvm.sqrt", "float32", T.bind(T.Cast("float32", mantissa)))
    # A power of two by its bits: the product is exact.
    power = T.int32(127 + 16) - T.Cast("int32", up >> T.int32(1))
    return T.bind(root * T.reinterpret(power << T.int32(23), dtype="float32"))
