"""What a kernel needs to know of an instruction set: widths, storage and the dot product."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from tvm.script import tirx as T

Expr = Any  # a TIR expression: vector of the width its dtype says


class Isa(ABC):
    """An instruction set as kernels see it.

    ``lanes`` output channels are accumulated per vector and ``group`` input channels per dot step;
    ``registers`` bounds the accumulators of one tile; ``vector`` is the width of element-wise and
    depthwise code; activations are stored as ``q + offset`` in ``dtype``.
    """

    name: ClassVar[str]
    lanes: ClassVar[int]
    group: ClassVar[int]
    registers: ClassVar[int]
    blocks: ClassVar[int]
    vector: ClassVar[int] = 16
    offset: ClassVar[int] = 0

    @property
    def dtype(self) -> str:
        return "uint8" if self.offset else "int8"

    @abstractmethod
    def operand(self, buffer: Expr, index: Expr) -> Expr:
        """``group`` stored activations at ``index``, broadcast for ``dot``; bound to a name."""

    @abstractmethod
    def weight(self, buffer: Expr, index: Expr) -> Expr:
        """``lanes x group`` packed weights at ``index``, ready for ``dot``; bound to a name."""

    @abstractmethod
    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        """``acc + operand . weight`` per lane, exact in int32."""

    def pack(self, block: np.ndarray) -> np.ndarray:
        """Order of one weight vector in memory, from int8 (..., lanes, group)."""
        return block


def tile(isa: Isa, width: int, blocks: int) -> tuple[int, int]:
    """(pixels, channel blocks) of the register tile for rows of ``width`` outputs."""
    columns = min(isa.blocks, blocks)
    if width < 4:
        columns = min(4, blocks)
    pixels = max(1, min(width, isa.registers // columns))
    return -(-width // -(-width // pixels)), columns


def constant(value: float | int, dtype: str, lanes: int) -> Expr:
    """A vector with every lane ``value``."""
    scalar = T.float32(value) if dtype == "float32" else T.int32(value)
    return T.broadcast(scalar, lanes)
