"""aarch64 with int8 matrix products: SMMLA multiplies two pixels by two channels, eight by eight.

The sums of a pair of pixels stand mixed, two channels of each in a register, until a tile is done.
Depthwise and element-wise kernels are those of the dot product extension, which comes with it.
"""

from __future__ import annotations

from tvm.script import tirx as T

from .dotprod import DotProd
from .isa import Expr, Isa, intrinsic, shuffle
from .neon import NeonParts


class Smmla(NeonParts):
    """Dense convolutions: pairs of pixels, eight input channels a step."""

    name = "smmla"
    lanes, group, registers, blocks = 4, 8, 16, 4
    together, pair = 2, True

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x8"))

    def operands(self, buffer: Expr, index: Expr, steps: int) -> list[Expr]:
        if steps == 1:
            return [self.operand(buffer, index)]
        whole = T.bind(buffer.vload([index], "int8x16"))
        return [shuffle([whole], list(range(first, first + 8))) for first in (0, 8)]

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(buffer.vload([index], "int8x32"))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        raise NotImplementedError("SMMLA takes pairs of pixels: dots")

    def dots(self, accs: list[Expr], operands: list[Expr], weight: Expr) -> list[Expr]:
        pixels = shuffle(operands, list(range(16)))
        halves = [shuffle([weight], list(range(first, first + 16))) for first in (0, 16)]
        return [
            intrinsic("llvm.aarch64.neon.smmla.v4i32.v16i8", "int32x4", acc, pixels, half)
            for acc, half in zip(accs, halves, strict=True)
        ]

    def mixed(self, parts: list[Expr]) -> list[Expr]:
        return [shuffle(parts, order) for order in ([0, 1, 4, 5], [2, 3, 6, 7])]


class I8mm(DotProd):
    """Dot products everywhere but in dense convolutions."""

    name = "i8mm"

    @property
    def dense(self) -> Isa:
        return Smmla()
