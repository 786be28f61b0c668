"""Products of two activations and layer norm with the sums of VMLADAVA."""

from __future__ import annotations

from tvm import tirx
from tvm.script import tirx as T

from ..cortex_m.mve import mve
from ..defaults import every, no_tiles
from ..isa.base import Expr, Isa
from . import layer_norm, matmul
from .shape import LayerNormShape, MatMulShape
from .sums import BLOCK, Straight

fits = every
tile_bounds = no_tiles


def _read(buffer: Expr, at: Expr) -> Expr:
    return T.bind(buffer.vload([at], f"int8x{BLOCK}"))


def _added(number: Expr, a: Expr, b: Expr) -> Expr:
    """LLVM finds it in plain vectors too, unless it widens ``a`` once for several ``b``."""
    signed, plus, straight = (T.int32(0) for _ in range(3))
    return mve("vmldava", "int32", signed, plus, straight, number, a, b)


def _ones() -> Expr:
    return T.bind(T.broadcast(T.int8(1), BLOCK))


def build(name: str, isa: Isa, shape: MatMulShape | LayerNormShape) -> tirx.PrimFunc:
    """As matmul.py and layer_norm.py say."""
    sums = Straight(BLOCK, _read, _added, _ones, vectors=True)
    if isinstance(shape, MatMulShape):
        return matmul.framed(name, isa, shape, sums)
    return layer_norm.framed(name, isa, shape, sums)
