"""Moves as a nest of loops with a stride of source and result each: transposes, slices, shuffles.

The innermost loop is a run of bytes wherever values stay side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import function, store
from ..isa.base import Expr, Isa

WIDE = 16
"""Bytes of a vector; LLVM joins and splits them as it likes."""

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class Axis:
    """A loop of ``size``, and how far source and result are from one step to the next."""

    size: int
    x: int
    y: int


@dataclass(frozen=True)
class NestShape:
    """``y[sum(i * axis.y)] = x[first + sum(i * axis.x)]``, outermost axis first, in values.

    ``item``: bytes of a value.
    """

    family: ClassVar[str] = "nest"
    label: ClassVar[str] = "move"
    axes: tuple[Axis, ...]
    item: int
    first: int = 0


def joined(axes: list[Axis]) -> tuple[Axis, ...]:
    """The same nest with as few axes as can be."""
    found: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        outer = found[-1] if found else None
        if outer and (outer.x, outer.y) == (axis.size * axis.x, axis.size * axis.y):
            found[-1] = Axis(outer.size * axis.size, axis.x, axis.y)
        else:
            found.append(axis)
    return tuple(found) or (Axis(1, 1, 1),)


def value_type(item: int) -> str:
    """The unsigned type that values of ``item`` bytes move as."""
    return f"uint{8 * item}"


def move_run(x: Expr, y: Expr, source: Expr, target: Expr, count: int, item: int) -> None:
    """Copies ``count`` values that stand side by side, and nothing around them."""
    kind, lanes = value_type(item), WIDE // item
    if count >= lanes:
        with T.serial(0, count // lanes) as step:
            value = x.vload([source + step * lanes], f"{kind}x{lanes}")
            store(y, target + step * lanes, value, lanes)
    done = count // lanes * lanes
    while done < count:
        lanes //= 2
        if count - done >= lanes:
            value = x.vload([source + done], f"{kind}x{lanes}" if lanes > 1 else kind)
            T.buffer_store(
                y, value, [T.ramp(target + done, 1, lanes) if lanes > 1 else target + done]
            )
            done += lanes


def build(name: str, isa: Isa, shape: NestShape) -> tirx.PrimFunc:
    """``name(x, y)``."""
    kind = value_type(shape.item)
    steps = [(axis.size - 1) * axis.x for axis in shape.axes]
    extent = shape.first + sum(max(step, 0) for step in steps) + 1
    written = 1 + sum((axis.size - 1) * axis.y for axis in shape.axes)

    def body(x: Expr, y: Expr) -> None:
        def loops(axes: tuple[Axis, ...], source: Expr, target: Expr) -> None:
            axis, inner = axes[0], axes[1:]
            if not inner and axis.x == axis.y == 1:
                move_run(x, y, source, target, axis.size, shape.item)
                return
            with T.serial(0, axis.size) as step:
                here = source + step * axis.x, target + step * axis.y
                if inner:
                    loops(inner, *here)
                else:
                    T.buffer_store(y, x.vload([here[0]], kind), [here[1]])

        loops(shape.axes, T.int32(shape.first), T.int32(0))

    return function(name, [("x", kind, extent), ("y", kind, written)], body)
