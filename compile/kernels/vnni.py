"""x86 AVX512-VNNI: VPDPBUSD multiplies four uint8 by four int8 into each of 16 int32 lanes."""

from __future__ import annotations

from tvm.script import tirx as T

from .isa import Expr, Isa


class Vnni(Isa):
    """Activations are stored as uint8 ``q + 128``: the unsigned operand of VPDPBUSD."""

    name = "vnni"
    lanes, group, registers, blocks = 16, 4, 28, 2
    offset = 128

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        word = T.reinterpret(buffer.vload([index], "uint8x4"), dtype="int32")
        return T.bind(T.reinterpret(T.broadcast(word, 16), dtype="int8x64"))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x64"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        intrinsic = T.llvm_lookup_intrinsic_id("llvm.x86.avx512.vpdpbusd.512")
        return T.call_llvm_pure_intrin(intrinsic, acc, operand, weight, dtype="int32x16")
