"""AVX2: 32 look-ups by sixteen VPSHUFB, each of which finds one of 16 results, or zero.

The sums of what they find, by exclusive or, are the results, as XNNPACK does it: table k holds
result k and result k - 1 of the same lower four bits together, and is asked only by values from
16 k on. Signed comparison ends after 127, so that tables from 8 on take back what tables of
eight before have given.
"""

from __future__ import annotations

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..defaults import no_tiles
from ..isa.base import Expr, Isa, intrinsic, shuffle
from . import shape as shapes
from .shape import TableShape, by_vectors, unsigned

fits = by_vectors
tile_bounds = no_tiles
BYTES = 32


def pack(isa: Isa, table: np.ndarray) -> np.ndarray:
    """Sixteen tables of 16 differences."""
    parts = list(unsigned(isa, table).view(np.uint8).reshape(16, 16))
    found: list[np.ndarray] = [parts[0]]
    for k in range(1, 16):
        found.append(parts[k - 1] ^ parts[k] ^ (found[k - 8] if k >= 8 else 0))
    return np.concatenate(found).view(table.dtype)


def build(name: str, isa: Isa, shape: TableShape) -> tirx.PrimFunc:
    """``name(x, table, y)``."""

    def prepare(table: Expr) -> list[Expr]:
        tables = []
        for k in range(16):
            part = T.bind(T.reinterpret(table.vload([16 * k], f"{isa.dtype}x16"), dtype="int64x2"))
            whole = shuffle([part, part], list(range(4)))
            tables.append(T.bind(T.reinterpret(whole, dtype=f"int8x{BYTES}")))
        return tables

    return shapes.build(name, isa, shape, prepare, _found)


def _found(tables: list[Expr], stored: Expr) -> Expr:
    kind = f"int8x{BYTES}"
    sixteen = T.bind(T.broadcast(T.int8(16), BYTES))
    at = T.bind(T.reinterpret(stored, dtype=kind))
    found = intrinsic("llvm.x86.avx2.pshuf.b", kind, tables[0], at)
    for k in range(1, 16):
        # The first eight steps may pass from -128 to 127: values from 128 on come into reach.
        at = T.bind(at - sixteen) if k <= 8 else intrinsic("llvm.ssub.sat", kind, at, sixteen)
        found = T.bind(found ^ intrinsic("llvm.x86.avx2.pshuf.b", kind, tables[k], at))
    return T.bind(T.reinterpret(found, dtype=str(stored.ty.dtype)))
