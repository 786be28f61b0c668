"""NEON: rounding conversion, saturating narrowing and the rounding high product; plain kernels."""

from __future__ import annotations

from tvm.script import tirx as T

from .generic import Generic
from .isa import Expr, Isa, Limits, clamped, intrinsic, shuffle


class NeonParts(Isa):
    """What the aarch64 kernels share, with and without dot products."""

    saturates = True
    bytes, repeated = 16, 4

    def bounded(self, real: Expr, low: Expr, high: Expr, lanes: int) -> Expr:
        """FMIN and FMAX: LLVM makes compares and selects of the portable form."""
        kind = f"float32x{lanes}"
        least = intrinsic("llvm.minnum", kind, T.bind(real), high)
        return intrinsic("llvm.maxnum", kind, least, low)

    def widened(self, buffer: Expr, index: Expr, parts: int, lanes: int) -> list[Expr]:
        """One load for all parts, widened in two steps as SXTL does it."""
        count = parts * lanes
        stored = T.bind(buffer.vload([index], f"{self.dtype}x{count}"))
        found = []
        for first in range(0, count, max(8, lanes)):
            size = min(max(8, lanes), count - first)
            words = T.bind(T.Cast(f"int16x{size}", _part(stored, first, size)))
            found += [
                T.bind(T.Cast(f"int32x{lanes}", _part(words, start, lanes)))
                for start in range(0, size, lanes)
            ]
        return found

    def rounded(self, real: Expr, lanes: int) -> Expr:
        return _by(4, "llvm.aarch64.neon.fcvtns", "int32", real, lanes)

    def words(self, parts: list[Expr], lanes: int) -> Expr:
        steps = shuffle(parts, list(range(2 * lanes)))
        return _by(4, "llvm.aarch64.neon.sqxtn", "int16", steps, 2 * lanes)

    def halves(self, stored: Expr) -> tuple[Expr, Expr]:
        low, high = (
            T.bind(T.Cast("int16x8", shuffle([stored], list(range(first, first + 8)))))
            for first in (0, 8)
        )
        return low, high

    def high_product(self, a: Expr, b: Expr, count: int) -> Expr:
        pieces = [
            intrinsic("llvm.aarch64.neon.sqrdmulh", "int16x8", *(_part(v, i, 8) for v in (a, b)))
            for i in range(0, count, 8)
        ]
        return pieces[0] if count == 8 else shuffle(pieces, list(range(count)))

    def joined(self, words: list[Expr], count: int, limits: Limits) -> Expr:
        zero = T.bind(T.broadcast(T.Cast("int16", limits.zero), count))
        moved = [intrinsic("llvm.sadd.sat", f"int16x{count}", word, zero) for word in words]
        narrow = [_by(8, "llvm.aarch64.neon.sqxtn", "int8", word, count) for word in moved]
        total = count * len(words)
        return clamped(shuffle(narrow, list(range(total))), limits, "int8", total)


def _by(lanes: int, name: str, dtype: str, value: Expr, count: int) -> Expr:
    """The intrinsic ``name`` on ``lanes`` of the ``count`` lanes of ``value`` at a time."""
    if count <= lanes:
        return intrinsic(name, f"{dtype}x{count}", value)
    pieces = [
        intrinsic(name, f"{dtype}x{lanes}", _part(value, first, lanes))
        for first in range(0, count, lanes)
    ]
    return shuffle(pieces, list(range(count)))


def _part(value: Expr, first: int, lanes: int) -> Expr:
    return shuffle([value], list(range(first, first + lanes)))


class Neon(NeonParts, Generic):
    """aarch64 without the dot product extension."""

    name = "neon"
