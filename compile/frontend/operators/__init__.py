"""ONNX operators: float semantics between Q and DQ to integer operators, one family a file."""

from __future__ import annotations

from collections.abc import Callable

from ...graph import Op
from ..network import Network, Node
from .activation import clip, leaky_relu, prelu, relu, sigmoid
from .concat import concat
from .conv import conv, gemm
from .elementwise import add, multiply
from .pool import pool

IMPORTERS: dict[str, Callable[[Network, Node], list[Op]]] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": gemm,
    "PRelu": prelu,
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "Clip": clip,
    "Add": add,
    "Mul": multiply,
    "Sigmoid": sigmoid,
    "Concat": concat,
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": pool,
    "GlobalMaxPool": pool,
}
"""Every operator that the compiler knows, apart from those that only move values."""
