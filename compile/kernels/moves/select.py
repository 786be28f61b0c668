"""Rows, columns and channels by tables of places, with a value where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import View, function
from ..isa.base import Expr, Isa
from .nest import move_run, value_type

MOST_RUNS = 8
"""More runs of channels than these are looked up one by one."""

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class Run:
    """``count`` channels of the result are those from ``source`` on; -1: none."""

    source: int
    count: int


@dataclass(frozen=True)
class SelectShape:
    """``runs`` make a pixel of the result; none: its channels are looked up in a table.

    ``item``: bytes of a value.
    """

    family: ClassVar[str] = "select"
    label: ClassVar[str] = "select"
    x: View
    y: View
    runs: tuple[Run, ...]
    item: int


def build(name: str, isa: Isa, shape: SelectShape) -> tirx.PrimFunc:
    """``name(x, rows, columns, channels, fill, y)``.

    The tables are int32: where a row, a column of it and a channel of that start in the source, in
    values, or -1. ``fill`` has one value.
    """
    x, y, kind = shape.x, shape.y, value_type(shape.item)
    parameters = [
        ("x", kind, x.extent),
        ("rows", "int32", y.height),
        ("columns", "int32", y.width),
        ("channels", "int32", 1 if shape.runs else y.channels),
        ("fill", kind, 1),
        ("y", kind, y.extent),
    ]

    def body(**p: Any) -> None:
        fill = T.bind(p["fill"].vload([0], kind))

        def put(target: Expr, count: int) -> None:
            with T.serial(0, count) as channel:
                T.buffer_store(p["y"], fill, [target + channel])

        def copied(source: Expr, target: Expr) -> None:
            done = 0
            for run in shape.runs:
                if run.source < 0:
                    put(target + done, run.count)
                else:
                    at = source + run.source, target + done
                    move_run(p["x"], p["y"], *at, run.count, shape.item)
                done += run.count
            if shape.runs:
                return
            with T.serial(0, y.channels) as channel:
                own = T.bind(p["channels"].vload([channel], "int32"))
                with T.If(own < 0):
                    with T.Then():
                        T.buffer_store(p["y"], fill, [target + channel])
                    with T.Else():
                        value = p["x"].vload([source + own], kind)
                        T.buffer_store(p["y"], value, [target + channel])

        with T.serial(0, y.height) as row:
            down = T.bind(p["rows"].vload([row], "int32"))
            with T.serial(0, y.width) as column:
                across = T.bind(p["columns"].vload([column], "int32"))
                target = row * y.row + column * y.pixel
                with T.If(T.min(down, across) < 0):
                    with T.Then():
                        put(target, y.channels)
                    with T.Else():
                        copied(down + across, target)

    return function(name, parameters, body)
