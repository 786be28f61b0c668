"""What the x86 vector kernels share: rounding conversion, saturating packs, PReLU in int16."""

from __future__ import annotations

import numpy as np
from tvm.script import tirx as T

from .base import Expr, Isa, Limits, clamped, intrinsic, shuffle


class X86(Isa):
    """Vectors of ``lanes`` int32, of which four are packed into one of bytes.

    The packs work within each 128 bits, so their result is put in order by one permutation.
    """

    saturates = True
    permutes = True
    pack_words: str
    pack_bytes: str
    product_words: str

    def rounded(self, real: Expr, lanes: int) -> Expr:
        return intrinsic("llvm.lrint", f"int32x{lanes}", real)

    def words(self, parts: list[Expr], lanes: int, short: bool = False, bits: int = 0) -> Expr:
        return intrinsic(self.pack_words, f"int16x{2 * lanes}", *parts)

    def words_order(self, lanes: int) -> list[int]:
        quads = range(0, lanes, 4)
        return [part * lanes + quad + i for quad in quads for part in (0, 1) for i in range(4)]

    def joined(self, words: list[Expr], count: int, limits: Limits) -> Expr:
        zero = T.bind(T.broadcast(T.Cast("int16", limits.zero), count))
        kind = f"int16x{count}"
        moved = [intrinsic("llvm.sadd.sat", kind, word, zero) for word in words]
        packed = intrinsic(self.pack_bytes, f"int8x{self.bytes}", *moved)
        values = T.bind(T.reinterpret(packed, dtype=f"{self.dtype}x{self.bytes}"))
        return clamped(values, limits, self.dtype, self.bytes)

    def ordered(self, stored: Expr, lanes: int) -> Expr:
        """Each 128 bits hold four values of each of the four parts."""
        quads = range(lanes // 4)
        return shuffle(
            [stored],
            [(q * 4 + part) * 4 + i for part in range(4) for q in quads for i in range(4)],
        )

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

    def high_product(self, a: Expr, b: Expr, count: int) -> Expr:
        return intrinsic(self.product_words, f"int16x{count}", a, b)
