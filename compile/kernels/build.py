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

MAGIC_FLOAT = 12582912.0


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
    "magic_zero",
    "a_factor",
    "b_factor",
    "a_offset",
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


def round_clamped(acc: Expr, scale: Expr, low: Expr, high: Expr, lanes: int) -> Expr:
    """``rint(clamp(acc * scale))`` with 1.5 * 2^23 still added, float32."""
    real = T.Cast(f"float32x{lanes}", acc) * scale
    return T.max(T.min(real, high), low) + constant(MAGIC_FLOAT, "float32", lanes)


def bits(real: Expr, lanes: int) -> Expr:
    """What ``round_clamped`` gave as int32, with MAGIC still added."""
    return T.reinterpret(real, dtype=f"int32x{lanes}")


class Epilogue:
    """ARITHMETIC.md's rescale of an accumulator, stored as ``isa.dtype``.

    Either one rescale with a scale for each sign (``two_scales``), or a convolution's chain of
    rescale, fused activation (``activation``) and fused add (``add``), rounded at each link.
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
    ):
        self.isa, self.lanes, self.add = isa, lanes, add
        self.two_scales, self.activation = two_scales, activation
        self.f = {name: T.bind(spread(floats, i, lanes)) for i, name in enumerate(FLOATS)}
        self.i = {name: T.bind(spread(ints, i, lanes)) for i, name in enumerate(INTS)}

    def scales(self, scale: Expr, index: Expr) -> tuple[Expr, Expr | None]:
        """The positive and negative scale vectors at a channel; bound to names."""
        kind = f"float32x{self.lanes}"
        positive, negative = scale
        first = T.bind(positive.vload([index], kind))
        second = self.two_scales or self.activation
        return first, (T.bind(negative.vload([index], kind)) if second else None)

    def apply(self, acc: Expr, scales: tuple[Expr, Expr | None], other: Expr | None) -> Expr:
        """The stored value of ``acc``; ``other`` is the fused add's operand b as int32."""
        f, i, lanes = self.f, self.i, self.lanes
        factor, negative = scales
        if self.two_scales:
            factor = T.Select(acc >= constant(0, "int32", lanes), factor, negative)
        value = round_clamped(acc, factor, f["low"], f["high"], lanes)
        if self.activation:
            # Through integers: a subtraction of floats would be simplified away with the addition.
            steps = T.bind(bits(value, lanes) - constant(MAGIC, "int32", lanes))
            factor = T.Select(steps >= constant(0, "int32", lanes), f["positive"], negative)
            value = round_clamped(steps, factor, f["act_low"], f["act_high"], lanes)
        if self.add:
            own = bits(value, lanes) - constant(MAGIC, "int32", lanes)
            total = own * i["a_factor"] + (other * i["b_factor"] + i["b_offset"])
            value = round_clamped(total, f["add_scale"], f["add_low"], f["add_high"], lanes)
        return T.Cast(f"{self.isa.dtype}x{lanes}", bits(value, lanes) + i["magic_zero"])


def store(buffer: Expr, index: Expr, value: Expr, lanes: int) -> None:
    """Writes a vector."""
    T.buffer_store(buffer, value, [T.ramp(index, 1, lanes)])


def rounded(channels: int, lanes: int) -> int:
    """``channels`` rounded up to whole vectors."""
    return -(-channels // lanes) * lanes
