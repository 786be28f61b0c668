"""Products of two activations and layer norm with the sums of SMLAD."""

from __future__ import annotations

from tvm import tirx

from ..defaults import every, no_tiles
from ..isa.base import Isa
from . import layer_norm, matmul
from .shape import LayerNormShape, MatMulShape
from .sums import Pairs

fits = every
tile_bounds = no_tiles


def build(name: str, isa: Isa, shape: MatMulShape | LayerNormShape) -> tirx.PrimFunc:
    """As matmul.py and layer_norm.py say."""
    if isinstance(shape, MatMulShape):
        return matmul.framed(name, isa, shape, Pairs())
    return layer_norm.framed(name, isa, shape, Pairs())
