"""x86 AVX2: VPMADDWD multiplies pairs of int16; VPMADDUBSW would saturate, so it is not used."""

from __future__ import annotations

from tvm.script import tirx as T

from .isa import Expr
from .x86 import X86


class Avx2(X86):
    """Eight int32 lanes, two input channels per step, widened from int8 on load."""

    name = "avx2"
    lanes, group, registers, blocks = 8, 2, 8, 2
    vector = 8
    pack_words, pack_bytes = "llvm.x86.avx2.packssdw", "llvm.x86.avx2.packsswb"
    bytes, product_words = 32, "llvm.x86.avx2.pmul.hr.sw"

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        pair = T.reinterpret(buffer.vload([index], "int8x2"), dtype="int16")
        return T.bind(T.Cast("int16x16", T.reinterpret(T.broadcast(pair, 8), dtype="int8x16")))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(T.Cast("int16x16", buffer.vload([index], "int8x16")))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        intrinsic = T.llvm_lookup_intrinsic_id("llvm.x86.avx2.pmadd.wd")
        return acc + T.call_llvm_pure_intrin(intrinsic, operand, weight, dtype="int32x8")
