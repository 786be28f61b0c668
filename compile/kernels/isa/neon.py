"""NEON: rounding conversion, saturating narrowing and the rounding high product; plain kernels."""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, Isa, Limits, clamped, intrinsic, shuffle
from .generic import Generic


class NeonParts(Isa):
    """What the aarch64 kernels share, with and without dot products."""

    families = {**Isa.families, "table": ("lookup.quarters", "lookup.plain")}
    saturates = True
    permutes = True
    bytes = 16
    word_vectors = 4
    truncates = True
    fixed = True

    def unknown_zero(self, limits: Limits) -> Expr | None:
        """Both ends are stored values, less than 256 apart."""
        return T.bind((limits.high - limits.low) >> 8)

    def bounded(self, real: Expr, low: Expr, high: Expr, lanes: int) -> Expr:
        """FMIN and FMAX: LLVM makes compares and selects of the portable form."""
        kind = f"float32x{lanes}"
        least = intrinsic("llvm.minnum", kind, T.bind(real), high)
        return intrinsic("llvm.maxnum", kind, least, low)

    def widened(self, buffer: Expr, index: Expr, parts: int, lanes: int) -> list[Expr]:
        """One load for all parts."""
        count = parts * lanes
        return self.steps(T.bind(buffer.vload([index], f"{self.dtype}x{count}")), count, lanes)

    def steps(self, stored: Expr, count: int, lanes: int) -> list[Expr]:
        """``count`` stored values as int32 vectors, widened in two steps as SXTL does it."""
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

    def high_half(self, acc: Expr, factor: Expr, lanes: int) -> Expr:
        pieces = [
            intrinsic(
                "llvm.aarch64.neon.sqdmulh", "int32x4", *(_part(v, i, 4) for v in (acc, factor))
            )
            for i in range(0, lanes, 4)
        ]
        return pieces[0] if lanes == 4 else shuffle(pieces, list(range(lanes)))

    def words(self, parts: list[Expr], lanes: int, short: bool = False, bits: int = 0) -> Expr:
        """UZP1 takes the lower halves of two vectors at once, SQXTN saturates one."""
        steps = shuffle(parts, list(range(2 * lanes)))
        if bits:
            name = "llvm.aarch64.neon.sqrshrn"
            pieces = [
                intrinsic(name, "int16x4", _part(steps, first, 4), T.int32(bits))
                for first in range(0, 2 * lanes, 4)
            ]
            return shuffle(pieces, list(range(2 * lanes)))
        if short:
            return T.bind(T.Cast(f"int16x{2 * lanes}", steps))
        return _by(4, "llvm.aarch64.neon.sqxtn", "int16", steps, 2 * lanes)

    def halves(self, stored: Expr) -> tuple[Expr, Expr]:
        low, high = (
            T.bind(T.Cast("int16x8", shuffle([stored], list(range(first, first + 8)))))
            for first in (0, 8)
        )
        return low, high

    def zeros(self, zero: Expr) -> Expr:
        """Sixteen bytes for SSUBL and SSUBL2; LLVM would make one half of a plain broadcast."""
        half = T.bind(T.Cast("int8x8", zero))
        whole = shuffle([half, half], list(range(16)))
        return intrinsic("llvm.aarch64.neon.srhadd", "int8x16", whole, whole)

    def differences(self, stored: Expr, zeros: Expr) -> tuple[Expr, Expr]:
        low, high = (a - b for a, b in zip(self.halves(stored), self.halves(zeros), strict=True))
        return low, high

    def high_product(self, a: Expr, b: Expr, count: int) -> Expr:
        return _pairwise("llvm.aarch64.neon.sqrdmulh", (a, b), count)

    def high_sum(self, a: Expr, b: Expr, count: int) -> Expr:
        """SQRDMLAH of ARMv8.1."""
        return _pairwise("llvm.aarch64.neon.sqrdmlah", (a, a, b), count)

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


def _pairwise(name: str, values: tuple[Expr, ...], count: int) -> Expr:
    """The intrinsic ``name`` on eight int16 lanes of each of ``values`` at a time."""
    pieces = [
        intrinsic(name, "int16x8", *(_part(value, first, 8) for value in values))
        for first in range(0, count, 8)
    ]
    return pieces[0] if count == 8 else shuffle(pieces, list(range(count)))


def _part(value: Expr, first: int, lanes: int) -> Expr:
    return shuffle([value], list(range(first, first + lanes)))


class Neon(NeonParts, Generic):
    """aarch64 without the dot product extension."""

    name = "neon"
