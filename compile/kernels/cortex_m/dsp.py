"""What the Cortex-M kernels share: DSP instructions, scratch, and the epilogue of one result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from ..conv_frame import Convolution
from ..epilogue import FLOAT, FLOATS, INTS, Rounding
from ..isa.base import Expr, intrinsic

WORD_SHIFT = 15
"""Fractional bits of the 16-bit factors of arithmetic/words.py."""


def dsp(name: str, *arguments: Expr, flags: bool = False) -> Expr:
    """An int32 instruction ``llvm.arm.name``, bound to a name; ``flags``: reads or writes GE."""
    if not flags:
        return intrinsic(f"llvm.arm.{name}", "int32", *arguments)
    number = T.llvm_lookup_intrinsic_id(f"llvm.arm.{name}")
    return T.bind(T.call_llvm_intrin(number, *arguments, dtype="int32"))


def load(buffer: Expr, index: Expr) -> Expr:
    """The int32 word of four stored values at ``index``; any alignment."""
    return T.bind(T.reinterpret(buffer.vload([index], "int8x4"), dtype="int32"))


def rotated(word: Expr) -> Expr:
    """A word turned right by one byte, which SXTB16 does on its way."""
    unsigned = T.Cast("uint32", word)
    turned = (unsigned >> T.uint32(8)) | (unsigned << T.uint32(24))
    return T.Cast("int32", turned)


def halves(word: Expr) -> tuple[Expr, Expr]:
    """Four int8 as two words of int16 pairs: (0, 2) and (1, 3)."""
    return dsp("sxtb16", word), dsp("sxtb16", rotated(word))


def joined(even: Expr, odd: Expr) -> Expr:
    """Four int8 of two words of int16 pairs: the inverse of ``halves``."""
    return T.bind(dsp("uxtb16", even) | (dsp("uxtb16", odd) << T.int32(8)))


def bottoms(a: Expr, b: Expr) -> Expr:
    """PKHBT: the lower halves of two words as one, that of ``a`` at the bottom."""
    return T.bind((a & T.int32(0xFFFF)) | (b << T.int32(16)))


def tops(a: Expr, b: Expr) -> Expr:
    """PKHTB: the upper halves of two words as one, that of ``a`` at the bottom."""
    low = T.Cast("int32", T.Cast("uint32", a) >> T.uint32(16))
    return T.bind(low | (b & T.int32(-65536)))


class Words:
    """A rescale in 16-bit words (rescale_words.py), two values of one register at a time.

    ``factors`` and ``ints`` are the tables of the rescale; ``shift`` and ``clamped`` as in
    rescale_words.WordsShape.
    """

    def __init__(self, factors: Expr, ints: Expr, shift: int, clamped: bool):
        names = {name: T.bind(ints.vload([i], "int32")) for i, name in enumerate(INTS)}
        zero = names["source_zero"]
        self.table, self.clamped, self.down = factors, clamped, WORD_SHIFT - shift
        self.source_zero = T.bind((zero & T.int32(0xFFFF)) | (zero << T.int32(16)))
        # What a product is added to: the zero point and half a step.
        half = T.int32(1 << (self.down - 1))
        self.start = T.bind((names["zero"] << T.int32(self.down)) + half)
        self.ends = names["minimum"], names["maximum"]

    def factors(self, group: Expr) -> list[Expr]:
        """Of four channels: positive of (0, 2) and (1, 3), then negative."""
        return [T.bind(self.table.vload([group * 4 + n], "int32")) for n in range(4)]

    def pair(self, values: Expr, positive: Expr, negative: Expr) -> Expr:
        """Two results as int16, from two stored values as int16."""
        acc = dsp("ssub16", values, self.source_zero, flags=True)
        factor = dsp("sel", positive, negative, flags=True)
        low = dsp("smlabb", acc, factor, self.start)
        high = dsp("smlatt", acc, factor, self.start)
        down = self.down
        if self.clamped:
            low = between(low >> T.int32(down), *self.ends)
            high = between(high >> T.int32(down), *self.ends) << T.int32(16)
            return T.bind((low & T.int32(0xFFFF)) | high)
        bottom = (low >> T.int32(down)) & T.int32(0xFFFF)
        top = (high << T.int32(16 - down)) & T.int32(-65536)
        return dsp("ssat16", bottom | top, T.int32(8))

    def both(self, halves: tuple[Expr, Expr], factors: list[Expr]) -> tuple[Expr, Expr]:
        """``pair`` of the two halves of four values."""
        even, odd = (self.pair(half, factors[n], factors[n + 2]) for n, half in enumerate(halves))
        return even, odd


@dataclass(frozen=True)
class Channel:
    """The numbers of one output channel; ``start`` is that of a line, None: it has none."""

    scale: Expr
    negative: Expr | None
    start: Expr | None = None


def forms(shape: Convolution) -> tuple[bool, ...]:
    """Whether the channels of a layer are lines: both where some are."""
    line = shape.rounding.line
    return (True, False) if line and line.mixed else (line is not None,)


def ending(shape: Convolution, lined: bool) -> str:
    """Of the routine in assembly for channels that are lines or not; "sums": it leaves the rest.

    Floats that pass int32 are clamped first, which no routine does.
    """
    rounding = shape.rounding
    lined &= rounding.line is not None
    clamped = rounding.clamped and not rounding.rectified
    wide = rounding.wide and not (rounding.fixed or lined)
    if shape.activation or shape.other or clamped or wide:
        return "sums"
    if lined and rounding.line:
        return f"line{rounding.line.shift}"
    return "fixed" if rounding.fixed else "float"


class Scalar:
    """The epilogue of epilogue.Epilogue for one accumulator at a time.

    Fixed-point factors (arithmetic/fixedpoint.py) where the layer has them, lines
    (arithmetic/lines.py) where channels have them, else float32 on the FPU, whose VCVTR rounds to
    nearest, ties to even, and saturates.
    """

    def __init__(self, shape: Convolution, p: dict[str, Any]):
        self.rounding: Rounding = shape.rounding
        self.activation, self.add = shape.activation, shape.other is not None
        self.p = p
        self.f = {name: p["floats"].vload([i], "float32") for i, name in enumerate(FLOATS)}
        self.i = {name: p["ints"].vload([i], "int32") for i, name in enumerate(INTS)}
        self.zero = T.bind(self.i["zero"])
        if self.rounding.clamped and not self.rounding.rectified:
            self.low, self.high = T.bind(self.i["minimum"]), T.bind(self.i["maximum"])

    def each(self, channel: Expr, code: Callable[[bool], None]) -> None:
        """``code(lined)`` for the form of ``channel``: whether it is a line."""
        line = self.rounding.line
        if line is None or not line.mixed:
            code(line is not None)
            return
        with T.If(self.p["starts"].vload([channel], "int32") == T.int32(FLOAT)):
            with T.Then():
                code(False)
            with T.Else():
                code(True)

    def channel(self, index: Expr, lined: bool) -> Channel:
        """The numbers of one output channel, for code that ``each`` calls."""
        scale = T.bind(self.p["scale"].vload([index], self.rounding.scale_dtype))
        start = negative = None
        if lined:
            start = T.bind(self.p["starts"].vload([index], "int32"))
        elif self.rounding.line:
            scale = T.bind(T.reinterpret(scale, dtype="float32"))
        if self.activation:
            kind = self.rounding.negative_dtype
            negative = T.bind(self.p["negative"].vload([index], kind))
        return Channel(scale, negative, start)

    def stored(self, acc: Expr, channel: Channel, other: Expr | None) -> Expr:
        """The int8 result, as int32; ``other``: operand b of a fused add as stored, int32."""
        if not (self.activation or self.add):
            return self._saturated(self._scaled(acc, channel, self.zero))
        low, high = T.Cast("int32", self.f["low"]), T.Cast("int32", self.f["high"])
        steps = between(self._scaled(acc, channel, T.int32(0)), low, high)
        if self.activation:
            steps = self._activated(steps, channel.negative)
        if self.add:
            if self.activation:
                ends = (T.Cast("int32", self.f[n]) for n in ("act_low", "act_high"))
                steps = between(steps, *ends)
            total = steps * self.i["a_factor"] + (other * self.i["b_factor"] + self.i["b_offset"])
            steps = rounded(T.Cast("float32", total) * self.f["add_scale"])
        return self._saturated(steps + self.zero)

    def _scaled(self, acc: Expr, channel: Channel, zero: Expr) -> Expr:
        """``zero``, which a line's start holds already, plus the scaled accumulator."""
        rounding, scale, start = self.rounding, channel.scale, channel.start
        if rounding.line and start is not None:
            wide = T.Cast("int64", acc) * T.Cast("int64", scale)
            line = T.bind(start + T.Cast("int32", wide >> T.int64(32)))
            return T.bind(line >> T.int32(rounding.line.shift))
        if rounding.fixed:
            wide = T.Cast("int64", acc) * T.Cast("int64", scale) + T.int64(2**31)
            return T.bind(zero + T.Cast("int32", wide >> T.int64(32)))
        return T.bind(self._rounded(T.Cast("float32", acc) * scale, "low", "high") + zero)

    def _rounded(self, real: Expr, low: str, high: str) -> Expr:
        if self.rounding.wide:  # a saturated int32 would leave no room for the zero point
            real = between(real, self.f[low], self.f[high])
        return rounded(real)

    def _activated(self, steps: Expr, negative: Expr) -> Expr:
        if self.rounding.words is None:
            factor = T.Select(steps >= T.int32(0), self.f["positive"], negative)
            return self._rounded(T.Cast("float32", steps) * factor, "act_low", "act_high")
        positive = self.i["act_factor"]
        less = T.bind(T.Cast("int32", negative) - positive)
        factor = T.bind(positive + (less & (steps >> T.int32(31))))
        down = WORD_SHIFT - self.rounding.words.shift
        return T.bind((steps * factor + T.int32(1 << (down - 1))) >> T.int32(down))

    def _saturated(self, value: Expr) -> Expr:
        if self.rounding.rectified:
            return dsp("usat", value, T.int32(7))
        if self.rounding.clamped:
            return between(value, self.low, self.high)
        return dsp("ssat", value, T.int32(8))


def rounded(real: Expr) -> Expr:
    """int32 of float32: to nearest, ties to even, saturating (VCVTR)."""
    bits = intrinsic("llvm.arm.vcvtr", "float32", T.bind(real))
    return T.bind(T.reinterpret(bits, dtype="int32"))


def between(value: Expr, low: Expr, high: Expr) -> Expr:
    """``value`` within [low, high]."""
    return T.bind(T.max(T.min(value, high), low))
