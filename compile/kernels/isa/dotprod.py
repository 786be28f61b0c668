"""aarch64 with the dot product extension: SDOT multiplies four int8 pairs into each int32 lane."""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, shuffle
from .neon import NeonParts


class DotProd(NeonParts):
    """Four int32 lanes, four input channels per step; activations stay int8."""

    name = "dotprod"
    lanes, group, registers, blocks = 4, 4, 16, 4
    together, chunk = 4, 8
    unrolled = 256
    accumulates = True
    loads = 16
    families = {**NeonParts.families, "depthwise": ("depthwise.dot4",)}

    def depthwise_registers(self, taps: int) -> int:
        """Many taps: a third row saves more transpositions than it costs in spills."""
        return 16 if taps <= 3 else 24

    def transposed(self, pixels: list[Expr]) -> list[Expr]:
        """Two steps of ZIP1 and ZIP2, of which neighbouring chunks share the first."""
        pairs = [
            shuffle(pixels[at : at + 2], [i // 2 + i % 2 * 16 for i in range(16)]) for at in (0, 2)
        ]
        words = [T.bind(T.reinterpret(pair, dtype="int16x8")) for pair in pairs]
        fours = [shuffle(words, [at + i // 2 + i % 2 * 8 for i in range(8)]) for at in (0, 4)]
        return [T.bind(T.reinterpret(four, dtype="int8x16")) for four in fours]

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        word = T.reinterpret(buffer.vload([index], "int8x4"), dtype="int32")
        return T.bind(T.reinterpret(T.broadcast(word, 4), dtype="int8x16"))

    def operands(self, buffer: Expr, pixels: list[Expr], steps: int) -> list[Expr]:
        """One load for four steps: SDOT takes its second operand from any lane."""
        if steps == 1:
            return super().operands(buffer, pixels, steps)
        (index,) = pixels
        words = T.bind(T.reinterpret(buffer.vload([index], "int8x16"), dtype="int32x4"))
        lanes = [shuffle([words], [step] * 4) for step in range(steps)]
        return [T.bind(T.reinterpret(lane, dtype="int8x16")) for lane in lanes]

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x16"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        intrinsic = T.llvm_lookup_intrinsic_id("llvm.aarch64.neon.sdot.v4i32.v16i8")
        return T.call_llvm_pure_intrin(intrinsic, acc, weight, operand, dtype="int32x4")
