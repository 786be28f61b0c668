"""Plain vector code without intrinsics, for any target LLVM knows: int16 products, int32 sums."""

from __future__ import annotations

import numpy as np
from tvm.script import tirx as T

from .base import Expr, Isa


class Generic(Isa):
    """Eight lanes, one input channel per step: LLVM turns it into SMLAL, PMULLW or scalar code.

    A product of two int8 fits int16 (at most 128 x 128), so the multiplication is done there.
    """

    name = "generic"
    lanes, group, registers, blocks = 8, 1, 8, 2
    vector = 8

    def operand(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(T.broadcast(T.Cast("int16", buffer.vload([index], "int8")), 8))

    def weight(self, buffer: Expr, index: Expr) -> Expr:
        return T.bind(T.Cast("int16x8", buffer.vload([index], "int8x8")))

    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        return acc + T.Cast("int32x8", operand * weight)

    def pack(self, block: np.ndarray) -> np.ndarray:
        return block.swapaxes(-1, -2)
