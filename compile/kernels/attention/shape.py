"""The shapes of attention's kernels: products head by head, norms pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..frame import View


@dataclass(frozen=True)
class Heads:
    """Where the rows of a tensor's heads stand, in bytes from the pointer a kernel gets."""

    head: int
    row: int
    extent: int

    @staticmethod
    def of(view: View, heads: int, beside: bool) -> Heads:
        """Heads one below the other, or side by side in the channels if ``beside``."""
        return Heads(view.channels // heads if beside else view.row, view.pixel, view.extent)


@dataclass(frozen=True)
class MatMulShape:
    """``y[m, n]``, the sum of ``a[m, k] b[n, k]`` over ``inner`` values k, in each of ``heads``.

    ``wide`` as in epilogue.Rounding.
    """

    family: ClassVar[str] = "matmul"
    label: ClassVar[str] = "matmul"
    a: Heads
    b: Heads
    y: Heads
    heads: int
    rows: int
    columns: int
    inner: int
    wide: bool


@dataclass(frozen=True)
class LayerNormShape:
    """Views of source and result; ``unit``, ``shift`` and ``centred`` as in graph.LayerNorm."""

    family: ClassVar[str] = "layer norm"
    label: ClassVar[str] = "layer_norm"
    x: View
    y: View
    unit: int
    shift: int
    centred: bool
    wide: bool
