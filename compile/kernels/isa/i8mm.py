"""aarch64 with int8 matrix products: SMMLA multiplies two pixels by two channels, eight by eight.

The sums of a pair of pixels stand mixed, two channels of each in a register, until their bytes are
stored (pixel_pairs.py).
Depthwise and element-wise kernels are those of the dot product extension, which comes with it.
"""

from __future__ import annotations

from tvm.script import tirx as T

from .base import Expr, Isa, intrinsic, shuffle
from .dotprod import DotProd
from .neon import NeonParts


class Smmla(NeonParts):
    """Dense convolutions: pairs of pixels, eight input channels a step."""

    name = "smmla"
    lanes, group, registers, blocks = 4, 8, 16, 4
    together, pair = 2, True

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x8"))

    def operands(self, buffer: Expr, pixels: list[Expr], steps: int) -> list[Expr]:
        """ZIP1 and ZIP2 of two loads: halves of 64 bits, or LLVM inserts one into a copy."""
        if steps == 1:
            return [shuffle([self.operand(buffer, at) for at in pixels], list(range(16)))]
        halves = [
            T.bind(T.reinterpret(buffer.vload([at], "int8x16"), dtype="int64x2")) for at in pixels
        ]
        steps_of_both = [shuffle(halves, order) for order in ([0, 2], [1, 3])]
        return [T.bind(T.reinterpret(both, dtype="int8x16")) for both in steps_of_both]

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x32"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        raise NotImplementedError("SMMLA takes pairs of pixels: dots")

    def dots(self, accs: list[Expr], operand: Expr, weight: Expr) -> list[Expr]:
        halves = [shuffle([weight], list(range(first, first + 16))) for first in (0, 16)]
        return [
            intrinsic("llvm.aarch64.neon.smmla.v4i32.v16i8", "int32x4", acc, operand, half)
            for acc, half in zip(accs, halves, strict=True)
        ]


class I8mm(DotProd):
    """Dot products everywhere but in dense convolutions."""

    name = "i8mm"

    @property
    def dense(self) -> Isa:
        return Smmla()
