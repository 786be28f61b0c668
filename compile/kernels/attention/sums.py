"""Sums over a row of stored values: of themselves, of their squares, of products with others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from ..frame import store
from ..isa.base import Expr, intrinsic
from ..real.frame import pieces

BLOCK = 16
"""Values that a step of vectors takes."""


@dataclass(frozen=True)
class Vectors:
    """By vectors of 16 values, whose lanes are added up at the end."""

    def totals(self, buffer: Expr, at: Expr, inner: int, squares: bool) -> list[Expr]:
        """int32: the sum of ``inner`` stored values, and of their squares if wanted."""
        found = [_number() for _ in range(2 if squares else 1)]

        def more(offset: Expr, lanes: int) -> None:
            own = T.bind(_wide(buffer, at + offset, lanes))
            for one, part in zip(found, (own, own * own), strict=False):
                _add(one, _across(part, lanes))

        _steps(inner, BLOCK, more)
        return [T.bind(one.vload([0], "int32")) for one in found]

    def dots(self, a: Expr, at: Expr, b: Expr, starts: list[Expr], inner: int) -> list[Expr]:
        """int32: the sums of products of a row of a with the rows of b from ``starts`` on."""
        kept = inner >= BLOCK
        kind = f"int32x{BLOCK}"
        sums = [_number() for _ in starts]
        vectors = [T.alloc_buffer((BLOCK,), "int32", scope="local") for _ in starts if kept]
        for vector in vectors:
            store(vector, 0, T.broadcast(T.int32(0), BLOCK), BLOCK)

        def more(offset: Expr, lanes: int) -> None:
            own = T.bind(_wide(a, at + offset, lanes))
            for n, start in enumerate(starts):
                product = own * _wide(b, start + offset, lanes)
                if kept and lanes == BLOCK:
                    store(vectors[n], 0, vectors[n].vload([0], kind) + product, BLOCK)
                else:
                    _add(sums[n], _across(product, lanes))

        _steps(inner, BLOCK, more)
        for one, vector in zip(sums, vectors, strict=False):
            _add(one, _across(T.bind(vector.vload([0], kind)), BLOCK))
        return [one.vload([0], "int32") for one in sums]


@dataclass(frozen=True)
class Straight:
    """By an instruction that adds the products of two blocks of values to one number.

    ``read(buffer, at)``: a block as ``added(number, block, block)`` takes it; ``ones`` is one of
    values that are 1. ``vectors``: what is left behind whole blocks goes by shorter vectors.
    """

    block: int
    read: Callable[[Expr, Expr], Any]
    added: Callable[[Expr, Any, Any], Expr]
    ones: Callable[[], Any]
    vectors: bool

    def totals(self, buffer: Expr, at: Expr, inner: int, squares: bool) -> list[Expr]:
        """As ``Vectors.totals``."""
        found = [_number() for _ in range(2 if squares else 1)]

        def more(offset: Expr, lanes: int) -> None:
            if lanes == self.block:
                own = self.read(buffer, at + offset)
                for one, by in zip(found, (self.ones(), own), strict=False):
                    T.buffer_store(one, self.added(one.vload([0], "int32"), own, by), [0])
                return
            own = T.bind(_wide(buffer, at + offset, lanes))
            for one, part in zip(found, (own, own * own), strict=False):
                _add(one, _across(part, lanes))

        _steps(inner, self.block, more, self.vectors)
        return [T.bind(one.vload([0], "int32")) for one in found]

    def dots(self, a: Expr, at: Expr, b: Expr, starts: list[Expr], inner: int) -> list[Expr]:
        """As ``Vectors.dots``."""
        sums = [_number() for _ in starts]

        def more(offset: Expr, lanes: int) -> None:
            whole = lanes == self.block
            own = self.read(a, at + offset) if whole else T.bind(_wide(a, at + offset, lanes))
            for one, start in zip(sums, starts, strict=True):
                if whole:
                    other = self.read(b, start + offset)
                    T.buffer_store(one, self.added(one.vload([0], "int32"), own, other), [0])
                else:
                    _add(one, _across(own * _wide(b, start + offset, lanes), lanes))

        _steps(inner, self.block, more, self.vectors)
        return [one.vload([0], "int32") for one in sums]


Sums = Vectors | Straight


def _number() -> Expr:
    """A local int32 that is 0."""
    found = T.alloc_buffer((1,), "int32", scope="local")
    T.buffer_store(found, T.int32(0), [0])
    return found


def _add(number: Expr, more: Expr) -> None:
    T.buffer_store(number, number.vload([0], "int32") + more, [0])


def _steps(inner: int, block: int, more: Callable[[Expr, int], None], vectors: bool = True) -> None:
    """Calls ``more(offset, lanes)`` until ``inner`` values are covered, those behind whole blocks
    by shorter ``vectors``, or one by one."""
    if inner // block:
        with T.serial(0, inner // block) as step:
            more(step * block, block)
    start = inner // block * block
    rest = pieces(inner, block) if vectors else [(n, 1) for n in range(start, inner)]
    for offset, lanes in rest:
        more(T.int32(offset), lanes)


def _wide(buffer: Expr, at: Expr, lanes: int) -> Expr:
    """Stored values as int32."""
    if lanes == 1:
        return T.Cast("int32", buffer.vload([at], buffer.dtype))
    return T.Cast(f"int32x{lanes}", buffer.vload([at], f"{buffer.dtype}x{lanes}"))


def _across(values: Expr, lanes: int) -> Expr:
    """The sum of a vector's values."""
    if lanes == 1:
        return values
    return intrinsic("llvm.vector.reduce.add", "int32", values)
