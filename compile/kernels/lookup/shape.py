"""The shape of a look-up, and how stored values that stand side by side go through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..frame import View, flattened, function, rounded, store
from ..isa.base import Expr, Isa, shuffle

ALIGNMENT = 16
"""Pixels of int8 are whole vectors of so many bytes: what fills them up may be anything."""


@dataclass(frozen=True)
class TableShape:
    """Views of source and result; ``apart`` when every channel has a table of its own."""

    family: ClassVar[str] = "table"
    label: ClassVar[str] = "table"
    x: View
    y: View
    apart: bool = False


def by_vectors(isa: Isa, shape: TableShape) -> bool:
    """``fits`` of families that look up whole vectors in one table."""
    views = shape.x, shape.y
    return not shape.apart and all(view.pixel % ALIGNMENT == 0 for view in views)


def unsigned(isa: Isa, table: np.ndarray) -> np.ndarray:
    """``table`` (256) ordered by the stored byte, taken for unsigned, as vectors look it up."""
    return table if isa.offset else np.concatenate([table[128:], table[:128]])


def build(
    name: str,
    isa: Isa,
    shape: TableShape,
    prepare: Callable[[Expr], Any],
    find: Callable[[Any, Expr], Expr],
) -> tirx.PrimFunc:
    """``name(x, table, y)`` by vectors of ``isa.bytes``.

    Args:
        prepare: what is made of the table, once.
        find: the results of a vector of stored values, given what ``prepare`` made; bound.
    """
    x, y = flattened(shape.x, shape.y)
    whole = rounded(y.channels, ALIGNMENT)
    dense = x.pixel == y.pixel == whole
    columns, run = (1, y.width * whole) if dense else (y.width, whole)
    parameters = [(n, isa.dtype, v.extent) for n, v in (("x", x), ("y", y))]
    parameters.insert(1, ("table", isa.dtype, 256))
    wide = isa.bytes

    def body(**p: Any) -> None:
        tables = prepare(p["table"])

        def piece(source: Expr, target: Expr, count: int) -> None:
            stored = T.bind(p["x"].vload([source], f"{isa.dtype}x{wide}"))
            found = find(tables, stored)
            if count < wide:
                found = shuffle([found], list(range(count)))
            store(p["y"], target, found, count)

        with T.serial(0, y.height) as row, T.serial(0, columns) as column:
            source, target = (row * v.row + column * v.pixel for v in (x, y))
            if run >= wide:
                with T.serial(0, run // wide) as step:
                    piece(source + step * wide, target + step * wide, wide)
            if run % wide:
                done = run // wide * wide
                piece(source + done, target + done, run % wide)

    return function(name, parameters, body)
