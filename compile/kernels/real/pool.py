"""Max and average pooling of float32: windows end where the map does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import View, function
from ..isa.base import Expr, Isa
from .frame import everywhere, kind_of, larger, load, save, wide

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class RealPoolShape:
    """``pads``: top and left, negative ones crop."""

    family: ClassVar[str] = "real pool"
    label: ClassVar[str] = "real_pool"
    x: View
    y: View
    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, int]


def build(name: str, isa: Isa, shape: RealPoolShape) -> tirx.PrimFunc:
    """``name(x, scale, y)``; ``scale`` (height x width) is read for averages only.

    A sum takes rows one after the other, and the columns of each; padding adds nothing to it.
    """
    x, y = shape.x, shape.y
    average = shape.kind == "average"
    parameters = [
        ("x", "float32", x.extent),
        ("scale", "float32", y.height * y.width if average else 1),
        ("y", "float32", y.extent),
    ]

    def ends(start: Expr, taps: int, size: int) -> tuple[Expr, Expr]:
        """The first tap inside the map, and how many there are."""
        first = T.bind(T.max(T.int32(0), T.int32(0) - start))
        return first, T.bind(T.max(T.int32(0), T.min(T.int32(taps), size - start) - first))

    def body(**p: Any) -> None:
        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            kind = kind_of("float32", lanes)
            top = T.bind(row * shape.stride[0] - shape.pads[0])
            left = T.bind(column * shape.stride[1] - shape.pads[1])
            down, rows = ends(top, shape.kernel[0], x.height)
            across, columns = ends(left, shape.kernel[1], x.width)
            found = T.alloc_buffer((lanes,), "float32", scope="local")
            least = T.float32(0) if average else T.reinterpret(T.int32(-0x800000), dtype="float32")
            save(found, 0, wide(least, lanes), lanes)
            base = T.bind((top + down) * x.row + (left + across) * x.pixel + channel)
            with T.serial(0, rows) as ky, T.serial(0, columns) as kx:
                value = T.bind(load(p["x"], base + ky * x.row + kx * x.pixel, lanes))
                before = T.bind(found.vload([0], kind))
                save(found, 0, before + value if average else larger(before, value, lanes), lanes)
            result = found.vload([0], kind)
            if average:
                result = result * wide(p["scale"].vload([row * y.width + column], "float32"), lanes)
            save(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

        everywhere(y, isa.vector, some)

    return function(name, parameters, body)
