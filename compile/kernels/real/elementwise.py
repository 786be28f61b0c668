"""Float32 value by value: functions of one and of two tensors, and the ways from and to int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..epilogue import FLOATS, INTS, Epilogue, Part, Rounding
from ..frame import View, flattened, function, runs, tiles
from ..isa.base import MAGIC, MAGIC_FLOAT, Expr, Isa, intrinsic
from .frame import everywhere, kind_of, larger, load, no_number, save, single, smaller, wide

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class QuantiseShape:
    """Views of float32 ``x`` and int8 ``y``."""

    family: ClassVar[str] = "real"
    label: ClassVar[str] = "quantise"
    x: View
    y: View


@dataclass(frozen=True)
class DequantiseShape:
    """Views of int8 ``x`` and float32 ``y``."""

    family: ClassVar[str] = "real"
    label: ClassVar[str] = "dequantise"
    x: View
    y: View


@dataclass(frozen=True)
class UnaryShape:
    """``kind`` as in graph.RealUnary; ``apart``: every channel has a slope of its own."""

    family: ClassVar[str] = "real"
    x: View
    y: View
    kind: str
    apart: bool = False

    @property
    def label(self) -> str:
        return f"real_{self.kind}"


@dataclass(frozen=True)
class BinaryShape:
    """``kind`` as in graph.RealBinary; operands are repeated along axes of which they have one."""

    family: ClassVar[str] = "real"
    a: View
    b: View
    y: View
    kind: str

    @property
    def label(self) -> str:
        return f"real_{self.kind}"


BINARY: dict[str, Callable[[Expr, Expr, int], Expr]] = {
    "add": lambda a, b, lanes: a + b,
    "subtract": lambda a, b, lanes: a - b,
    "multiply": lambda a, b, lanes: a * b,
    "divide": lambda a, b, lanes: a / b,
    "maximum": larger,
    "minimum": smaller,
}


def build_quantise(name: str, isa: Isa, shape: QuantiseShape) -> tirx.PrimFunc:
    """``name(x, floats, ints, y)``; ``positive`` of FLOATS is the scale, which divides."""
    x, y = flattened(shape.x, shape.y)
    lanes = isa.vector
    parameters = [
        ("x", "float32", x.extent),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        # Wide: a quotient may be beyond int32.
        rounding = Rounding(wide=True)
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], rounding=rounding)
        none = wide(T.float32(0), lanes)

        def tile(channels: list[Expr], row: Expr, left: Expr, pixels: int, _: Any) -> None:
            parts = []
            for m in range(pixels):
                for channel in channels:
                    real = load(p["x"], row * x.row + (left + m) * x.pixel + channel, lanes)
                    steps = T.bind(real / epilogue.f["positive"])
                    steps = T.bind(T.Select(no_number(steps, lanes), none, steps))
                    parts.append(Part(epilogue.nearest(steps)))
            first = row * y.row + left * y.pixel + channels[0]
            epilogue.store(p["y"], parts, runs(first, pixels, len(channels), y.pixel, lanes))

        tiles(y, lanes, tile)

    return function(name, parameters, body)


def build_dequantise(name: str, isa: Isa, shape: DequantiseShape) -> tirx.PrimFunc:
    """``name(x, floats, ints, y)``; ``positive`` of FLOATS is the scale."""
    x, y = shape.x, shape.y
    if x.contiguous and y.contiguous:
        x, y = x.flat(), y.flat()
    parameters = [
        ("x", isa.dtype, x.extent),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", "float32", y.extent),
    ]

    def body(**p: Any) -> None:
        scale = T.bind(p["floats"].vload([FLOATS.index("positive")], "float32"))
        zero = T.bind(p["ints"].vload([INTS.index("source_zero")], "int32"))

        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            stored = load(p["x"], row * x.row + column * x.pixel + channel, lanes)
            steps = T.Cast(kind_of("int32", lanes), stored) - wide(zero, lanes)
            real = T.Cast(kind_of("float32", lanes), steps) * wide(scale, lanes)
            save(p["y"], row * y.row + column * y.pixel + channel, real, lanes)

        everywhere(y, isa.vector, some)

    return function(name, parameters, body)


def build_unary(name: str, isa: Isa, shape: UnaryShape) -> tirx.PrimFunc:
    """``name(x, constants, y)``: slopes, or the least and the largest value."""
    x, y = (shape.x, shape.y) if shape.apart else single(shape.x, shape.y)
    count = y.channels if shape.apart else 2
    parameters = [("x", "float32", x.extent), ("constants", "float32", count)]
    parameters.append(("y", "float32", y.extent))

    def body(**p: Any) -> None:
        constants = p["constants"]

        def result(value: Expr, channel: Expr, lanes: int) -> Expr:
            kind = kind_of("float32", lanes)
            if shape.kind in ("abs", "sqrt"):
                return intrinsic({"abs": "llvm.fabs", "sqrt": "llvm.sqrt"}[shape.kind], kind, value)
            if shape.kind == "round":
                return nearest(value, lanes)
            if shape.kind == "sign":  # of what is no number 0
                zero, one = wide(T.float32(0), lanes), wide(T.float32(1), lanes)
                below = T.Select(value < zero, wide(T.float32(-1), lanes), zero)
                found = T.bind(T.Select(zero < value, one, below))
                return T.Select(no_number(value, lanes), zero, found)
            first = load(constants, channel, lanes) if shape.apart else constant(0, lanes)
            if shape.kind == "prelu":
                return T.Select(value < wide(T.float32(0), lanes), value * first, value)
            value = T.bind(T.Select(value < first, first, value))
            most = constant(1, lanes)
            return T.Select(most < value, most, value)

        def constant(place: int, lanes: int) -> Expr:
            return T.bind(wide(constants.vload([place], "float32"), lanes))

        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            value = T.bind(load(p["x"], row * x.row + column * x.pixel + channel, lanes))
            made = result(value, channel, lanes)
            save(p["y"], row * y.row + column * y.pixel + channel, made, lanes)

        everywhere(y, isa.vector, some)

    return function(name, parameters, body)


def nearest(value: Expr, lanes: int) -> Expr:
    """The nearest whole number, ties to even, by a sum in whose lower bits it stands."""
    bits = kind_of("int32", lanes)
    total = T.bind(value + wide(T.float32(MAGIC_FLOAT), lanes))
    steps = T.reinterpret(total, dtype=bits) - wide(T.int32(MAGIC), lanes)
    whole = T.bind(T.Cast(kind_of("float32", lanes), steps))
    size = intrinsic("llvm.fabs", kind_of("float32", lanes), value)
    found = T.bind(T.Select(size < wide(T.float32(2**22), lanes), whole, value))
    # Comparisons of vectors on a Cortex-M55 may come out either way for what is no number.
    return T.Select(no_number(value, lanes), value, found)


def build_binary(name: str, isa: Isa, shape: BinaryShape) -> tirx.PrimFunc:
    """``name(a, b, y)``."""
    a, b, y = shape.a, shape.b, shape.y
    if len({(view.height, view.width, view.channels) for view in (a, b, y)}) == 1:
        a, b, y = single(a, b, y)
    parameters = [(n, "float32", view.extent) for n, view in (("a", a), ("b", b), ("y", y))]

    def body(**p: Any) -> None:
        def operand(n: str, view: View, place: tuple[Expr, Expr, Expr], lanes: int) -> Expr:
            row, column, channel = place
            at = row * view.row if view.height == y.height else T.int32(0)
            at = at + column * view.pixel if view.width == y.width else at
            if view.channels == y.channels:
                return T.bind(load(p[n], at + channel, lanes))
            return T.bind(wide(p[n].vload([at], "float32"), lanes))

        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            place = row, column, channel
            first, second = operand("a", a, place, lanes), operand("b", b, place, lanes)
            made = BINARY[shape.kind](first, second, lanes)
            save(p["y"], row * y.row + column * y.pixel + channel, made, lanes)

        everywhere(y, isa.vector, some)

    return function(name, parameters, body)


def build(name: str, isa: Isa, shape: Any) -> tirx.PrimFunc:
    """The function of any shape of this file."""
    function_of: dict[type, Any] = {
        QuantiseShape: build_quantise,
        DequantiseShape: build_dequantise,
        UnaryShape: build_unary,
        BinaryShape: build_binary,
    }
    made: tirx.PrimFunc = function_of[type(shape)](name, isa, shape)
    return made
