"""AVX-512: 64 look-ups by VPERMI2W, which finds any of 64 words, each two neighbouring results.

VPERMI2B would take half of it, and processors from before Ice Lake lack it.
"""

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
WORDS = 32


def pack(isa: Isa, table: np.ndarray) -> np.ndarray:
    """Ordered by the stored byte."""
    return unsigned(isa, table)


def build(name: str, isa: Isa, shape: TableShape) -> tirx.PrimFunc:
    """``name(x, table, y)``."""

    def prepare(table: Expr) -> list[Expr]:
        quarters = (table.vload([64 * n], f"{isa.dtype}x64") for n in range(4))
        return [T.bind(T.reinterpret(quarter, dtype=f"int16x{WORDS}")) for quarter in quarters]

    return shapes.build(name, isa, shape, prepare, _found)


def _found(tables: list[Expr], stored: Expr) -> Expr:
    """Even bytes are looked up in the lower half of each word, odd ones in the upper half."""
    words = T.bind(T.reinterpret(stored, dtype=f"uint16x{WORDS}"))
    # Bits 1 to 6 of a byte choose the word, bit 7 which 64 words, bit 0 the half of the word.
    even = _pairs(tables, words >> _all(1), words & _all(0x80))
    odd = _pairs(tables, words >> _all(9), words & _all(0x8000))
    low = T.bind(even >> ((words << _all(3)) & _all(8)))
    high = T.bind(odd << (((words >> _all(5)) & _all(8)) ^ _all(8)))
    found = T.bind((low & _all(0xFF)) | (high & _all(0xFF00)))
    return T.bind(T.reinterpret(found, dtype=str(stored.ty.dtype)))


def _pairs(tables: list[Expr], index: Expr, upper: Expr) -> Expr:
    """uint16 words of two results each; the instruction reads six bits of an index."""
    at = T.bind(T.reinterpret(index, dtype=f"int16x{WORDS}"))
    lower, higher = (
        intrinsic("llvm.x86.avx512.vpermi2var.hi.512", f"int16x{WORDS}", first, at, second)
        for first, second in (tables[:2], tables[2:])
    )
    chosen = T.Select(upper != _all(0), higher, lower)
    return T.bind(T.reinterpret(chosen, dtype=f"uint16x{WORDS}"))


def _all(value: int) -> Expr:
    return T.broadcast(T.uint16(value), WORDS)
