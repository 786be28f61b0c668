"""x86 AVX2: VPMADDWD multiplies pairs of int16; VPMADDUBSW would saturate, so it is not used."""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, Isa, intrinsic, shuffle
from .x86 import X86


class Avx2(X86):
    """Eight int32 lanes, two input channels per step, as int16."""

    name = "avx2"
    tiles = False
    lanes, group, registers, blocks = 8, 2, 16, 2
    vector = 8
    families = {
        **X86.families,
        "conv": ("conv.widened",),
        "depthwise": ("depthwise.dot2",),
        "real conv": ("conv.widened",),
        "table": ("lookup.nibbles", "lookup.plain"),
    }
    pack_words, pack_bytes = "llvm.x86.avx2.packssdw", "llvm.x86.avx2.packsswb"
    bytes, product_words = 32, "llvm.x86.avx2.pmul.hr.sw"

    @property
    def interleaved(self) -> Isa:
        return Interleaved()

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        """Of activations that are int16 already: one broadcast load."""
        pair = T.reinterpret(buffer.vload([index], "int16x2"), dtype="int32")
        return T.bind(T.reinterpret(T.broadcast(pair, 8), dtype="int16x16"))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(T.Cast("int16x16", buffer.vload([index], "int8x16")))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        """The fence is no instruction: it keeps LLVM from adding products up in registers."""
        product = intrinsic("llvm.x86.avx2.pmadd.wd", "int32x8", operand, weight)
        total = T.bind(T.reinterpret(acc + product, dtype="float32x8"))
        fenced = intrinsic("llvm.arithmetic.fence", "float32x8", total)
        return T.bind(T.reinterpret(fenced, dtype="int32x8"))


class Interleaved(Avx2):
    """Two parts hold 16 channels by fours in turn, as VPUNPCKLWD and VPUNPCKHWD leave them."""

    def ordered(self, stored: Expr, lanes: int) -> Expr:
        """Each 128 bits hold eight channels of each of two pixels."""
        eights = [list(range(first, first + 8)) for first in (0, 16, 8, 24)]
        return shuffle([stored], [place for eight in eights for place in eight])
