"""Look-ups value by value: any instruction set, and a table for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..defaults import every, no_tiles
from ..frame import function
from ..isa.base import Isa
from .shape import TableShape

fits = every
tile_bounds = no_tiles


def pack(isa: Isa, table: np.ndarray) -> np.ndarray:
    """Ordered by the real value, least first."""
    return table


def build(name: str, isa: Isa, shape: TableShape) -> tirx.PrimFunc:
    """``name(x, table, y)``; a table is ordered by the stored value, least first."""
    x, y = shape.x, shape.y
    size = 256 * y.channels if shape.apart else 256
    kind = isa.dtype
    parameters = [("x", kind, x.extent), ("table", kind, size), ("y", kind, y.extent)]

    def body(**p: Any) -> None:
        with (
            T.serial(0, y.height) as row,
            T.serial(0, y.width) as column,
            T.serial(0, y.channels) as channel,
        ):
            stored = p["x"].vload([row * x.row + column * x.pixel + channel], kind)
            index = T.Cast("int32", stored) + (128 - isa.offset)
            value = p["table"].vload([channel * 256 + index if shape.apart else index], kind)
            T.buffer_store(p["y"], value, [row * y.row + column * y.pixel + channel])

    return function(name, parameters, body)
