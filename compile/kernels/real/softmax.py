"""Softmax along the channels: exponentials by a table, an exact sum, one division a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..epilogue import FLOATS, INTS
from ..frame import View, function
from ..isa.base import MAGIC, MAGIC_FLOAT, Expr, Isa

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class SoftmaxShape:
    """Views of int8 ``x`` and of ``y``, float32 if ``real``."""

    family: ClassVar[str] = "softmax"
    label: ClassVar[str] = "softmax"
    x: View
    y: View
    real: bool


def build(name: str, isa: Isa, shape: SoftmaxShape) -> tirx.PrimFunc:
    """``name(x, table, floats, ints, y)``; ``table`` has the units of each step below the largest.

    ``positive`` of FLOATS is the scale of an int8 result, which divides.
    """
    x, y = shape.x, shape.y
    parameters = [
        ("x", isa.dtype, x.extent),
        ("table", "int32", 256),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", "float32" if shape.real else isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        scale, low, high = (
            T.bind(p["floats"].vload([FLOATS.index(n)], "float32"))
            for n in ("positive", "low", "high")
        )
        zero = T.bind(p["ints"].vload([INTS.index("zero")], "int32"))

        def stored(share: Expr) -> Expr:
            steps = T.max(T.min(share / scale, high), low)
            bits = T.reinterpret(steps + T.float32(MAGIC_FLOAT), dtype="int32")
            return T.Cast(isa.dtype, bits - T.int32(MAGIC) + zero)

        with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
            source = T.bind(row * x.row + column * x.pixel)
            largest = T.alloc_buffer((1,), "int32", scope="local")
            total = T.alloc_buffer((1,), "int32", scope="local")

            def at(channel: Expr, source: Expr = source) -> Expr:
                return T.Cast("int32", p["x"].vload([source + channel], isa.dtype))

            def share(channel: Expr, largest: Expr = largest) -> Expr:
                return p["table"].vload([largest.vload([0], "int32") - at(channel)], "int32")

            T.buffer_store(largest, at(T.int32(0)), [0])
            with T.serial(1, y.channels) as channel:
                T.buffer_store(largest, T.max(largest.vload([0], "int32"), at(channel)), [0])
            T.buffer_store(total, T.int32(0), [0])
            with T.serial(0, y.channels) as channel:
                T.buffer_store(total, total.vload([0], "int32") + share(channel), [0])
            whole = T.bind(T.Cast("float32", total.vload([0], "int32")))
            with T.serial(0, y.channels) as channel:
                part = T.bind(T.Cast("float32", share(channel)) / whole)
                value = part if shape.real else stored(part)
                T.buffer_store(p["y"], value, [row * y.row + column * y.pixel + channel])

    return function(name, parameters, body)
