"""Products of two activations and layer norm with the sums of SMLAD."""

from __future__ import annotations

from tvm import tirx
from tvm.script import tirx as T

from ..cortex_m.dsp import dsp, halves, load
from ..defaults import every, no_tiles
from ..isa.base import Expr, Isa
from . import layer_norm, matmul
from .shape import LayerNormShape, MatMulShape
from .sums import Straight

fits = every
tile_bounds = no_tiles

ONES = 0x00010001
"""Two halves that are 1."""

Pair = tuple[Expr, Expr]


def _read(buffer: Expr, at: Expr) -> Pair:
    return halves(load(buffer, at))


def _added(number: Expr, a: Pair, b: Pair) -> Expr:
    for first, second in zip(a, b, strict=True):
        number = dsp("smlad", first, second, number)
    return number


def _ones() -> Pair:
    return T.int32(ONES), T.int32(ONES)


def build(name: str, isa: Isa, shape: MatMulShape | LayerNormShape) -> tirx.PrimFunc:
    """As matmul.py and layer_norm.py say."""
    sums = Straight(4, _read, _added, _ones, vectors=False)
    if isinstance(shape, MatMulShape):
        return matmul.framed(name, isa, shape, sums)
    return layer_norm.framed(name, isa, shape, sums)
