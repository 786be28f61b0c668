"""Shared parts of all kernels: views of activations, the function frame, the rescale epilogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tvm import tirx
from tvm.script import tirx as T
from tvm.script.ir_builder import IRBuilder
from tvm.script.ir_builder.tirx import prim_func

from .isa import Expr, Isa, constant

MAGIC = 0x4B400000
"""Bits of 1.5 * 2^23: adding it leaves the nearest integer, ties to even, in the low bits."""


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
FLOATS = ("low", "high", "add_scale", "add_low", "add_high")
INTS = ("source_zero", "magic_zero", "a_factor", "b_factor", "b_zero", "add_magic_zero")


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


def round_clamped(acc: Expr, scale: Expr, low: Expr, high: Expr, lanes: int) -> Expr:
    """``rint(clamp(acc * scale))`` with MAGIC still added to its bits, int32."""
    real = T.Cast(f"float32x{lanes}", acc) * scale
    real = T.max(T.min(real, high), low) + constant(12582912.0, "float32", lanes)
    return T.reinterpret(real, dtype=f"int32x{lanes}")


class Epilogue:
    """ARITHMETIC.md's rescale (and fused add) of an accumulator, stored as ``isa.dtype``."""

    def __init__(self, isa: Isa, lanes: int, floats: Expr, ints: Expr, two_scales: bool, add: bool):
        self.isa, self.lanes, self.two_scales, self.add = isa, lanes, two_scales, add
        self.f = {name: T.bind(spread(floats, i, lanes)) for i, name in enumerate(FLOATS)}
        self.i = {name: T.bind(spread(ints, i, lanes)) for i, name in enumerate(INTS)}

    def scales(self, scale: Expr, index: Expr) -> tuple[Expr, Expr | None]:
        """The positive and negative scale vectors at a channel; bound to names."""
        kind = f"float32x{self.lanes}"
        positive, negative = scale
        first = T.bind(positive.vload([index], kind))
        return first, (T.bind(negative.vload([index], kind)) if self.two_scales else None)

    def apply(self, acc: Expr, scales: tuple[Expr, Expr | None], other: Expr | None) -> Expr:
        """The stored value of ``acc``; ``other`` is the fused add's operand b as int32."""
        f, i = self.f, self.i
        factor, negative = scales
        if negative is not None:
            factor = T.Select(acc >= constant(0, "int32", self.lanes), factor, negative)
        value = round_clamped(acc, factor, f["low"], f["high"], self.lanes)
        if self.add:
            own = value - constant(MAGIC, "int32", self.lanes)
            total = own * i["a_factor"] + (other - i["b_zero"]) * i["b_factor"]
            value = round_clamped(total, f["add_scale"], f["add_low"], f["add_high"], self.lanes)
            value = value + i["add_magic_zero"]
        else:
            value = value + i["magic_zero"]
        return T.Cast(f"{self.isa.dtype}x{self.lanes}", value)


def store(buffer: Expr, index: Expr, value: Expr, lanes: int) -> None:
    """Writes a vector."""
    T.buffer_store(buffer, value, [T.ramp(index, 1, lanes)])


def rounded(channels: int, lanes: int) -> int:
    """``channels`` rounded up to whole vectors."""
    return -(-channels // lanes) * lanes
