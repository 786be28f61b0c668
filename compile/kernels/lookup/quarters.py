"""aarch64: 16 look-ups by TBL and three TBX, each of which finds one of 64 results."""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..defaults import no_tiles
from ..isa.base import Expr, Isa, intrinsic
from . import shape as shapes
from .shape import TableShape, by_vectors, unsigned

fits = by_vectors
tile_bounds = no_tiles
BYTES = 16


def pack(isa: Isa, table: np.ndarray) -> np.ndarray:
    """Ordered by the stored byte."""
    return unsigned(isa, table)


def build(name: str, isa: Isa, shape: TableShape) -> tirx.PrimFunc:
    """``name(x, table, y)``."""

    def prepare(table: Expr) -> list[Expr]:
        return [T.bind(table.vload([BYTES * n], f"int8x{BYTES}")) for n in range(16)]

    return shapes.build(name, isa, shape, prepare, _found)


def _found(tables: list[Expr], stored: Expr) -> Expr:
    """What is outside of a quarter's 64 leaves what the quarters before have found."""
    kind, quarter = f"int8x{BYTES}", T.bind(T.broadcast(T.int8(64), BYTES))
    at = stored
    found = intrinsic("llvm.aarch64.neon.tbl4", kind, *tables[:4], at)
    for first in range(4, 16, 4):
        at = T.bind(at - quarter)
        found = intrinsic("llvm.aarch64.neon.tbx4", kind, found, *tables[first : first + 4], at)
    return found
