"""What the x86 vector kernels share: rounding conversion, saturating packs, PReLU in int16."""

from __future__ import annotations

import numpy as np
from tvm.script import tirx as T

from .isa import Expr, Isa, Limits, intrinsic, shuffle


class X86(Isa):
    """Vectors of ``lanes`` int32, of which four are packed into one of bytes.

    The packs work within each 128 bits, so their result is put in order by one permutation.
    """

    saturates = True
    pack_words: str
    pack_bytes: str
    product_words: str

    def rounded(self, real: Expr, lanes: int) -> Expr:
        return intrinsic("llvm.lrint", f"int32x{lanes}", real)

    def narrowed(self, parts: list[Expr], lanes: int, limits: Limits) -> list[Expr]:
        whole = [*parts, *[parts[-1]] * (4 - len(parts))]
        words = [
            intrinsic(self.pack_words, f"int16x{2 * lanes}", *whole[first : first + 2])
            for first in (0, 2)
        ]
        order = [
            (word * 4 + part) * 4 + byte
            for part in range(4)
            for word in range(lanes // 4)
            for byte in range(4)
        ]
        return [shuffle([self.joined(words, limits)], order)]

    def joined(self, words: list[Expr], limits: Limits) -> Expr:
        half, wide = 2 * self.lanes, 4 * self.lanes
        zero = T.bind(T.broadcast(T.Cast("int16", limits.zero), half))
        moved = [intrinsic("llvm.sadd.sat", f"int16x{half}", word, zero) for word in words]
        packed = intrinsic(self.pack_bytes, f"int8x{wide}", *moved)
        values = T.reinterpret(packed, dtype=f"{self.dtype}x{wide}")
        values = T.max(values, T.broadcast(T.Cast(self.dtype, limits.low), wide))
        return T.bind(T.min(values, T.broadcast(T.Cast(self.dtype, limits.high), wide)))

    def halves(self, stored: Expr) -> tuple[Expr, Expr]:
        zeros = T.bind(T.broadcast(T.Cast(self.dtype, T.int32(0)), self.bytes))
        low, high = (self._words(stored, zeros, order) for order in self.halves_order())
        return low, high

    def _words(self, stored: Expr, zeros: Expr, order: np.ndarray) -> Expr:
        """Unpacks in each 128 bits: zeros above unsigned values, signed ones shifted down."""
        pairs = [(int(at), self.bytes) if self.offset else (self.bytes, int(at)) for at in order]
        whole = shuffle([stored, zeros], [at for pair in pairs for at in pair])
        half = self.bytes // 2
        words = T.bind(T.reinterpret(whole, dtype=f"int16x{half}"))
        return words if self.offset else T.bind(words >> T.broadcast(T.int16(8), half))

    def halves_order(self) -> np.ndarray:
        return np.arange(self.bytes).reshape(-1, 2, 8).transpose(1, 0, 2).reshape(2, -1)

    def high_product(self, a: Expr, b: Expr) -> Expr:
        return intrinsic(self.product_words, f"int16x{self.bytes // 2}", a, b)
