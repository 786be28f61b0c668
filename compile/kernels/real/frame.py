"""The frame of kernels of float32: whole vectors of a pixel, then narrower ones for the rest."""

from __future__ import annotations

from collections.abc import Callable

from tvm.script import tirx as T

from ..frame import View
from ..isa.base import Expr, shuffle


def pieces(count: int, lanes: int) -> list[tuple[int, int]]:
    """(start, lanes) of what is left behind whole vectors: halves, quarters and so on."""
    start, found = count // lanes * lanes, []
    while start < count:
        lanes //= 2
        if count - start >= lanes:
            found.append((start, lanes))
            start += lanes
    return found


def store_some(buffer: Expr, index: Expr, value: Expr, lanes: int, count: int) -> None:
    """Writes the first ``count`` of ``lanes`` values."""
    parts = [(0, lanes)] if count == lanes else pieces(count, lanes)
    for start, size in parts:
        order = list(range(start, start + size))
        part = value if size == lanes else shuffle([value], order)
        at = index + start
        T.buffer_store(buffer, part, [T.ramp(at, 1, size) if size > 1 else at])


def load(buffer: Expr, index: Expr, lanes: int) -> Expr:
    """``lanes`` values from an index on."""
    return buffer.vload([index], f"{buffer.dtype}x{lanes}" if lanes > 1 else buffer.dtype)


def wide(value: Expr, lanes: int) -> Expr:
    """A scalar in every lane."""
    return T.broadcast(value, lanes) if lanes > 1 else value


def kind_of(dtype: str, lanes: int) -> str:
    """The type of ``lanes`` values."""
    return f"{dtype}x{lanes}" if lanes > 1 else dtype


def save(buffer: Expr, index: Expr, value: Expr, lanes: int) -> None:
    """Writes ``lanes`` values."""
    T.buffer_store(buffer, value, [T.ramp(index, 1, lanes) if lanes > 1 else index])


def no_number(value: Expr, lanes: int) -> Expr:
    """Whether a bound value is NaN, by its bits: TVM takes ``x != x`` for false."""
    bits = T.reinterpret(value, dtype=kind_of("int32", lanes))
    magnitude = bits & wide(T.int32(0x7FFFFFFF), lanes)
    return magnitude > wide(T.int32(0x7F800000), lanes)


def larger(a: Expr, b: Expr, lanes: int) -> Expr:
    """``a``, unless ``b`` is larger or not a number; both are bound."""
    return T.Select(a < b, b, T.Select(no_number(b, lanes), b, a))


def smaller(a: Expr, b: Expr, lanes: int) -> Expr:
    """``a``, unless ``b`` is smaller or not a number; both are bound."""
    return T.Select(b < a, b, T.Select(no_number(b, lanes), b, a))


def single(*views: View) -> tuple[View, ...]:
    """Views of one shape as one pixel of all values, where each of them is without gaps."""
    if not all(view.contiguous and view.pixel == view.channels for view in views):
        return views
    size = views[0].height * views[0].width * views[0].channels
    return tuple(View(1, 1, size, size, size) for _ in views)


def everywhere(y: View, lanes: int, body: Callable[[Expr, Expr, Expr, int], None]) -> None:
    """Calls ``body(row, column, channel, lanes)`` until every value of ``y`` is covered."""
    with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
        if y.channels // lanes:
            with T.serial(0, y.channels // lanes) as block:
                body(row, column, block * lanes, lanes)
        for start, size in pieces(y.channels, lanes):
            body(row, column, T.int32(start), size)
