"""Which channel of a pixel is the largest, of int8 or float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import View, function
from ..isa.base import Expr, Isa

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class ArgMaxShape:
    """Views of ``x``, float32 if ``real``, and of float32 ``y``; ``last``: of equal ones."""

    family: ClassVar[str] = "argmax"
    label: ClassVar[str] = "argmax"
    x: View
    y: View
    real: bool
    last: bool


def build(name: str, isa: Isa, shape: ArgMaxShape) -> tirx.PrimFunc:
    """``name(x, y)``."""
    x, y = shape.x, shape.y
    kind = "float32" if shape.real else isa.dtype
    parameters = [("x", kind, x.extent), ("y", "float32", y.extent)]

    def body(**p: Any) -> None:
        with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
            best = T.alloc_buffer((1,), kind, scope="local")
            at = T.alloc_buffer((1,), "int32", scope="local")
            source = T.bind(row * x.row + column * x.pixel)
            T.buffer_store(best, p["x"].vload([source], kind), [0])
            T.buffer_store(at, T.int32(0), [0])
            with T.serial(1, x.channels) as channel:
                value: Expr = T.bind(p["x"].vload([source + channel], kind))
                before = T.bind(best.vload([0], kind))
                with T.If(before <= value if shape.last else before < value), T.Then():
                    T.buffer_store(best, value, [0])
                    T.buffer_store(at, channel, [0])
            found = T.Cast("float32", at.vload([0], "int32"))
            T.buffer_store(p["y"], found, [row * y.row + column * y.pixel])

    return function(name, parameters, body)
