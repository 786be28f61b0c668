"""Shared parts of all kernels: views of activations, the function frame, the rescale epilogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script import tirx as T
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder.tirx import prim_func

from .isa import Expr, Isa, Limits, constant, shuffle


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


# Constants of one operator beside its weights: floats and integers that differ between layers of
# one shape, read from memory so that such layers share one kernel.
FLOATS = ("low", "high", "positive", "act_low", "act_high", "add_scale", "add_low", "add_high")
INTS = (
    "source_zero",
    "zero",
    "a_factor",
    "b_factor",
    "b_offset",
    "minimum",
    "maximum",
)


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


def limits(ints: Expr) -> Limits:
    """The limits of the result in the table INTS."""
    scalars = (ints.vload([INTS.index(n)], "int32") for n in ("zero", "minimum", "maximum"))
    return Limits(*map(T.bind, scalars))


Scales = tuple[Expr, Expr | None]
"""Scale vectors of a channel block for positive and (if they differ) negative values."""


class Epilogue:
    """ARITHMETIC.md's rescale of accumulators, stored as ``isa.dtype``.

    Either one rescale with a scale for each sign (``two_scales``), or a convolution's chain of
    rescale, fused activation (``activation``) and fused add (``add``), rounded at each link.
    ``wide``: the accumulators times their scales may pass int32, so they are clamped first.
    """

    def __init__(
        self,
        isa: Isa,
        lanes: int,
        floats: Expr,
        ints: Expr,
        *,
        two_scales: bool = False,
        activation: bool = False,
        add: bool = False,
        wide: bool = False,
    ):
        self.isa, self.lanes, self.add = isa, lanes, add
        self.two_scales, self.activation = two_scales, activation
        self.clamped = wide or not isa.saturates
        self.f = {name: T.bind(spread(floats, i, lanes)) for i, name in enumerate(FLOATS)}
        self.i = {name: T.bind(spread(ints, i, lanes)) for i, name in enumerate(INTS)}
        self.limits = limits(ints)

    def scales(self, scale: Expr, index: Expr) -> Scales:
        """The positive and negative scale vectors at a channel; bound to names."""
        kind = f"float32x{self.lanes}"
        positive, negative = scale
        first = T.bind(positive.vload([index], kind))
        second = self.two_scales or self.activation
        return first, (T.bind(negative.vload([index], kind)) if second else None)

    def rounded(self, acc: Expr, scales: Scales, other: Expr | None = None) -> Expr:
        """int32 steps of ``acc`` from the zero point; ``other``: the fused add's operand b."""
        f, lanes = self.f, self.lanes
        factor, negative = scales
        if self.two_scales:
            factor = T.Select(acc >= constant(0, "int32", lanes), factor, negative)
        links = [("low", "high")]
        real = T.Cast(f"float32x{lanes}", acc) * factor
        if self.activation:
            steps = self._rounded(real, *links.pop(), more=True)
            factor = T.Select(steps >= constant(0, "int32", lanes), f["positive"], negative)
            real = T.Cast(f"float32x{lanes}", steps) * factor
            links = [("act_low", "act_high")]
        if self.add:
            own = self._rounded(real, *links.pop(), more=True)
            return self.sum(own, other)
        return self._rounded(real, *links.pop())

    def sum(self, own: Expr, other: Expr | None) -> Expr:
        """int32 steps of the fused add of zero-based ``own`` and stored ``other``."""
        i, lanes = self.i, self.lanes
        total = own * i["a_factor"] + (other * i["b_factor"] + i["b_offset"])
        real = T.Cast(f"float32x{lanes}", total) * self.f["add_scale"]
        return self._rounded(real, "add_low", "add_high")

    def _rounded(self, real: Expr, low: str, high: str, more: bool = False) -> Expr:
        """``more``: another link takes the result, so the file's clamp is due here."""
        if more or self.clamped:
            real = T.max(T.min(real, self.f[high]), self.f[low])
        return T.bind(self.isa.rounded(real, self.lanes))

    def store(self, buffer: Expr, parts: list[Expr], runs: list[tuple[Expr, int]]) -> None:
        """Narrows vectors of steps and writes them; a run is (index, vectors side by side)."""
        places = [(run, number) for run, (_, count) in enumerate(runs) for number in range(count)]
        for first in range(0, len(parts), 4):
            values = self.isa.narrowed(parts[first : first + 4], self.lanes, self.limits)
            at = places[first : first + 4]
            per_value = 4 if self.isa.saturates else 1
            start = 0
            while start < len(at):
                run, number = at[start]
                end = start + 1
                while end < len(at) and at[end][0] == run and end - start < per_value:
                    end += 1
                value, count = values[start // per_value], (end - start) * self.lanes
                if count < per_value * self.lanes:
                    value = shuffle([value], list(range(start * self.lanes, end * self.lanes)))
                store(buffer, runs[run][0] + number * self.lanes, value, count)
                start = end


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
