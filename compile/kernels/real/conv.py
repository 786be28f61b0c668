"""Convolution of float32: windows end where the map does; products and sums round one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import View, function
from ..isa.base import Expr, Isa
from .frame import everywhere, kind_of, load, save, wide

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class RealConvShape:
    """``pads``: top and left, negative ones crop."""

    family: ClassVar[str] = "real dense"
    label: ClassVar[str] = "real_conv"
    x: View
    y: View
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pads: tuple[int, int]
    groups: int


def build(name: str, isa: Isa, shape: RealConvShape) -> tirx.PrimFunc:
    """``name(x, weight, bias, mask, y)``; weights are (kh, kw, I / groups, O), ``mask`` all ones.

    A product goes through ``mask``, whose bits no compiler knows: so it is rounded before it is
    added, where the processor has an instruction that does both at once.
    """
    x, y = shape.x, shape.y
    (kh, kw), outputs = shape.kernel, y.channels
    per_group, per_output = x.channels // shape.groups, outputs // shape.groups
    depthwise = per_group == per_output == 1
    parameters = [
        ("x", "float32", x.extent),
        ("weight", "float32", kh * kw * per_group * outputs),
        ("bias", "float32", outputs),
        ("mask", "int32", 1),
        ("y", "float32", y.extent),
    ]

    def ends(start: Expr, taps: int, size: int) -> tuple[Expr, Expr]:
        """The first tap inside the map, and how many there are."""
        first = T.bind(T.max(T.int32(0), T.int32(0) - start))
        return first, T.bind(T.max(T.int32(0), T.min(T.int32(taps), size - start) - first))

    def body(**p: Any) -> None:
        mask = T.bind(p["mask"].vload([0], "int32"))

        def rounded(product: Expr, lanes: int) -> Expr:
            bits = T.reinterpret(product, dtype=kind_of("int32", lanes)) & wide(mask, lanes)
            return T.reinterpret(bits, dtype=kind_of("float32", lanes))

        def some(row: Expr, column: Expr, channel: Expr, lanes: int) -> None:
            kind = kind_of("float32", lanes)
            top = T.bind(row * shape.stride[0] - shape.pads[0])
            left = T.bind(column * shape.stride[1] - shape.pads[1])
            down, rows = ends(top, kh, x.height)
            across, columns = ends(left, kw, x.width)
            group = T.int32(0) if shape.groups == 1 else channel // per_output
            first = channel if depthwise else group * per_group
            found = T.alloc_buffer((lanes,), "float32", scope="local")
            save(found, 0, wide(T.float32(0), lanes), lanes)
            with T.serial(0, rows) as i, T.serial(0, columns) as j, T.serial(0, per_group) as c:
                place = (top + down + i) * x.row + (left + across + j) * x.pixel + first + c
                value = (
                    load(p["x"], place, lanes)
                    if depthwise
                    else wide(p["x"].vload([place], "float32"), lanes)
                )
                tap = ((down + i) * kw + across + j) * per_group + c
                product = T.bind(value * load(p["weight"], tap * outputs + channel, lanes))
                save(found, 0, found.vload([0], kind) + rounded(product, lanes), lanes)
            result = found.vload([0], kind) + load(p["bias"], channel, lanes)
            save(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

        # A vector's channels share a group, or each has its own.
        whole = shape.groups == 1 or depthwise
        everywhere(y, isa.vector if whole else 1, some)

    return function(name, parameters, body)
