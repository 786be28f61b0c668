"""exp and log of float32, value by value, in the integers of arithmetic/curves.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import View, function
from ..isa.base import Expr, Isa
from .frame import everywhere, no_number, single

fits = every
tile_bounds = no_tiles

PIECES, BITS, BIAS = 10, 23, 127
"""Bits of a mantissa that choose a piece, bits of a mantissa, and what an exponent has more."""
LOG2_E = 1.4426950408889634
LEAST, MOST = -126.0, 128.0
TINY = 2.0**-126
UNIT = 0.6931471805599453 / 2**BITS
INFINITY = 0x7F800000
NO_NUMBER = 0x7FC00000


@dataclass(frozen=True)
class CurveShape:
    """``kind``: "exp" or "log"."""

    family: ClassVar[str] = "real curve"
    x: View
    y: View
    kind: str

    @property
    def label(self) -> str:
        return f"real_{self.kind}"


def build(name: str, isa: Isa, shape: CurveShape) -> tirx.PrimFunc:
    """``name(x, table, y)``; one value after the other, as each looks its piece up."""
    x, y = single(shape.x, shape.y)
    size = 2**PIECES + 1
    parameters = [("x", "float32", x.extent), ("table", "int32", size), ("y", "float32", y.extent)]

    def body(**p: Any) -> None:
        def between(mantissa: Expr) -> Expr:
            rest = BITS - PIECES
            piece = T.bind(mantissa >> rest)
            low = T.bind(p["table"].vload([piece], "int32"))
            step = p["table"].vload([piece + 1], "int32") - low
            return low + ((step * (mantissa & (2**rest - 1))) >> rest)

        rule = _exp if shape.kind == "exp" else _log

        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            value = T.bind(p["x"].vload([row * x.row + column * x.pixel + channel], "float32"))
            at = row * y.row + column * y.pixel + channel
            T.buffer_store(p["y"], rule(value, between), [at])

        everywhere(y, 1, some)

    return function(name, parameters, body)


def _exp(x: Expr, between: Any) -> Expr:
    least, most = T.float32(LEAST), T.float32(MOST)
    power = T.bind(x * T.float32(LOG2_E))
    zero = T.float32(0)
    safe = T.bind(T.Select(power < least, zero, T.Select(power < most, power, zero)))
    units = T.bind(T.Cast("int32", safe * T.float32(2**BITS)))
    whole = ((units >> BITS) + BIAS) << BITS
    inside = T.reinterpret(whole + between(units & (2**BITS - 1)), dtype="float32")
    infinity = T.reinterpret(T.int32(INFINITY), dtype="float32")
    found = T.Select(power < least, zero, T.Select(power < most, inside, infinity))
    # By its bits: vectors of a Cortex-M55 take what is no number for less than all others.
    return T.Select(no_number(x, 1), x, found)


def _log(x: Expr, between: Any) -> Expr:
    infinity = T.reinterpret(T.int32(INFINITY), dtype="float32")
    least, one = T.float32(TINY), T.float32(1)
    safe = T.bind(T.Select(x < least, one, T.Select(x < infinity, x, one)))
    bits = T.bind(T.reinterpret(safe, dtype="int32"))
    whole = ((bits >> BITS) - BIAS) << BITS
    units = T.bind(whole + between(bits & (2**BITS - 1)))
    inside = T.Cast("float32", units) * T.float32(UNIT)
    none = T.reinterpret(T.int32(NO_NUMBER), dtype="float32")
    small = T.Select(x < T.float32(0), none, T.reinterpret(T.int32(-(2**23)), dtype="float32"))
    found = T.Select(x < least, small, T.Select(x < infinity, inside, x))
    return T.Select(no_number(x, 1), x, found)
