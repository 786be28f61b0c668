"""NEON: rounding conversion, saturating narrowing and the rounding high product; plain kernels."""

from __future__ import annotations

from tvm.script import tirx as T

from .generic import Generic
from .isa import Expr, Isa, Limits, intrinsic, shuffle


class NeonParts(Isa):
    """What the aarch64 kernels share, with and without dot products."""

    saturates = True
    bytes = 16

    def rounded(self, real: Expr, lanes: int) -> Expr:
        return _by(4, "llvm.aarch64.neon.fcvtns", "int32", real, lanes)

    def narrowed(self, parts: list[Expr], lanes: int, limits: Limits) -> list[Expr]:
        parts = [*parts, *[parts[-1]] * (-len(parts) % (16 // lanes))]  # whole registers
        count = lanes * len(parts)
        steps = shuffle(parts, list(range(count)))
        return [_stored(_by(4, "llvm.aarch64.neon.sqxtn", "int16", steps, count), count, limits)]

    def halves(self, stored: Expr) -> tuple[Expr, Expr]:
        low, high = (
            T.bind(T.Cast("int16x8", shuffle([stored], list(range(first, first + 8)))))
            for first in (0, 8)
        )
        return low, high

    def high_product(self, a: Expr, b: Expr) -> Expr:
        return intrinsic("llvm.aarch64.neon.sqrdmulh", "int16x8", a, b)

    def joined(self, words: list[Expr], limits: Limits) -> Expr:
        return _stored(shuffle(words, list(range(16))), 16, limits)


def _stored(words: Expr, count: int, limits: Limits) -> Expr:
    """int16 steps from the zero point to clamped int8."""
    zero = T.broadcast(T.Cast("int16", limits.zero), count)
    moved = intrinsic("llvm.sadd.sat", f"int16x{count}", words, zero)
    values = _by(8, "llvm.aarch64.neon.sqxtn", "int8", moved, count)
    values = T.max(values, T.broadcast(T.Cast("int8", limits.low), count))
    return T.bind(T.min(values, T.broadcast(T.Cast("int8", limits.high), count)))


def _by(lanes: int, name: str, dtype: str, value: Expr, count: int) -> Expr:
    """The intrinsic ``name`` on ``lanes`` of the ``count`` lanes of ``value`` at a time."""
    if count <= lanes:
        return intrinsic(name, f"{dtype}x{count}", value)
    pieces = [
        intrinsic(name, f"{dtype}x{lanes}", shuffle([value], list(range(first, first + lanes))))
        for first in range(0, count, lanes)
    ]
    return shuffle(pieces, list(range(count)))


class Neon(NeonParts, Generic):
    """aarch64 without the dot product extension."""

    name = "neon"
