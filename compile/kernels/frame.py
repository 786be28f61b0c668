"""The frame of all kernels: views of activations, functions of flat buffers, tiles, stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script import tirx as T
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder.tirx import prim_func

from .isa.base import Expr


@dataclass(frozen=True)
class View:
    """Where an activation's pixels stand, in bytes from the pointer a kernel gets."""

    height: int
    width: int
    channels: int
    row: int
    pixel: int

    @property
    def extent(self) -> int:
        """Bytes a kernel may touch from the pointer on (vectors may reach past the channels)."""
        return self.height * self.row + 64

    @property
    def contiguous(self) -> bool:
        return self.row == self.width * self.pixel

    def flat(self) -> View:
        """The same pixels as a single row; only for contiguous views."""
        return View(1, self.height * self.width, self.channels, self.row * self.height, self.pixel)


def function(name: str, parameters: list[tuple[str, str, int]], body: Callable) -> tirx.PrimFunc:
    """A function of flat buffers ``(name, dtype, elements)``; ``body`` gets them by name."""
    with IRBuilder() as builder, prim_func(s_tir=True):
        T.func_name(name)
        T.func_attr({"global_symbol": name, "tirx.noalias": True})
        body(**{p: T.arg(p, T.Buffer((size,), dtype)) for p, dtype, size in parameters})
    return builder.get()


def widen(buffer: Expr, index: Expr, lanes: int) -> Expr:
    """``lanes`` stored activations as int32."""
    stored = buffer.vload([index], f"{buffer.dtype}x{lanes}" if lanes > 1 else buffer.dtype)
    return T.Cast(f"int32x{lanes}", stored)


def spread(buffer: Expr, index: int, lanes: int) -> Expr:
    """Element ``index`` of a constant table in every lane."""
    return T.broadcast(buffer.vload([index], buffer.dtype), lanes)


def tiles(
    y: View,
    lanes: int,
    tile: Callable[[list[Expr], Expr, Expr, int, Any], None],
    prepare: Callable[[list[Expr]], Any] = lambda channels: None,
) -> None:
    """Calls ``tile(channels, row, left, pixels, prepared)`` until all of ``y`` is covered.

    A tile is four vectors: of one pixel where its vectors come in fours, else of up to four.
    ``prepare(channels)`` is called once for the rows of the same channels.
    """
    blocks = rounded(y.channels, lanes) // lanes
    high = max(n for n in (1, 2, 4) if blocks % n == 0)
    wide = min(4 // high, y.width)
    with T.serial(0, blocks // high) as group:
        channels = [T.bind((group * high + n) * lanes) for n in range(high)]
        prepared = prepare(channels)
        with T.serial(0, y.height) as row:
            with T.serial(0, y.width // wide) as column:
                tile(channels, row, column * wide, wide, prepared)
            if y.width % wide:
                tile(channels, row, y.width // wide * wide, y.width % wide, prepared)


def runs(first: Expr, wide: int, high: int, pixel: int, lanes: int) -> list[tuple[Expr, int]]:
    """``high`` vectors in each of ``wide`` pixels, ``pixel`` bytes apart, from index ``first``."""
    if pixel == high * lanes:
        return [(first, wide * high)]
    return [(first + m * pixel, high) for m in range(wide)]


def flattened(*views: View) -> tuple[View, ...]:
    """Views of one shape as single rows, where all of them are contiguous."""
    return tuple(view.flat() for view in views) if all(v.contiguous for v in views) else views


def store(buffer: Expr, index: Expr, value: Expr, lanes: int) -> None:
    """Writes a vector."""
    T.buffer_store(buffer, value, [T.ramp(index, 1, lanes)])


def rounded(channels: int, lanes: int) -> int:
    """``channels`` rounded up to whole vectors."""
    return -(-channels // lanes) * lanes
