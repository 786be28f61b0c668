"""aarch64 with the dot product extension: SDOT multiplies four int8 pairs into each int32 lane."""

from __future__ import annotations

from tvm.script import tirx as T

from .isa import Expr
from .neon import NeonParts


class DotProd(NeonParts):
    """Four int32 lanes, four input channels per step; activations stay int8."""

    name = "dotprod"
    lanes, group, registers, blocks = 4, 4, 24, 4

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        word = T.reinterpret(buffer.vload([index], "int8x4"), dtype="int32")
        return T.bind(T.reinterpret(T.broadcast(word, 4), dtype="int8x16"))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x16"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        intrinsic = T.llvm_lookup_intrinsic_id("llvm.aarch64.neon.sdot.v4i32.v16i8")
        return T.call_llvm_pure_intrin(intrinsic, acc, operand, weight, dtype="int32x4")
