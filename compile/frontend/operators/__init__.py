"""ONNX operators by what they become: moves, integer rules, float32 rules, one family a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..network import ACTIVATIONS, MOVES, Node, Want
from ..places import Place
from . import activation, elementwise, formula, norm, pool, real, reduce, softmax
from .activation import activated, clamped, requantised
from .function import FUNCTIONS, looked_up
from .layers import conv, matmul
from .moves import layout, resize, select
from .moves.layout import Layout
from .norm import normed

if TYPE_CHECKING:
    from ..importer import Importer

LAYOUTS: dict[str, Layout] = {**layout.LAYOUTS, **select.LAYOUTS}
"""Operators that move values and compute nothing; of Resize the nearest neighbour."""


def layout_of(node: Node) -> Layout | None:
    """How a node moves values, None where it computes."""
    if node.kind == "Resize" and resize.mode(node) != "nearest":
        return None
    return LAYOUTS.get(node.kind)


INTEGER: dict[str, Callable[[Importer, Node, Want], Place | None]] = {
    "Conv": conv.conv,
    "ConvTranspose": conv.conv_transpose,
    "Gemm": matmul.gemm,
    "MatMul": matmul.gemm,
    "Add": elementwise.add,
    "Sub": elementwise.by_constant,
    "Mul": elementwise.multiply,
    "Div": elementwise.by_constant,
    "MaxPool": pool.maximum,
    "AveragePool": pool.average,
    "GlobalAveragePool": pool.average,
    "GlobalMaxPool": pool.maximum,
    "ReduceMean": pool.average,
    "ReduceMax": pool.maximum,
    "ReduceMin": reduce.least,
    "ReduceSum": reduce.total,
    "Softmax": softmax.softmax,
    "LayerNormalization": norm.layer_norm,
    "Resize": resize.linear,
}
"""Operators with a rule in integers, behind which a QuantizeLinear stands."""

EXACT: dict[str, Callable[[Importer, Node], Place | None]] = {
    "Relu": activation.exact,
    "MaxPool": pool.exact,
    "GlobalMaxPool": pool.exact,
    "ReduceMax": pool.exact,
    "ReduceMin": reduce.least_exact,
}
"""Operators whose result is exact in the quantisation of their input."""

ON_STORED: dict[str, Callable[[Importer, Node], Place | None]] = {
    "MaxPool": pool.on_stored,
    "Resize": resize.on_stored,
}
"""Operators that files have on stored integers themselves."""

REAL: dict[str, Callable[[Importer, Node], Place | None]] = {
    "Conv": conv.conv,
    "ConvTranspose": conv.conv_transpose,
    "Gemm": matmul.gemm,
    "MatMul": matmul.gemm,
    "Softmax": softmax.softmax_real,
    "LogSoftmax": softmax.log_softmax,
    "LayerNormalization": norm.layer_norm_real,
    "ArgMax": softmax.argmax,
    "ArgMin": softmax.argmax,
    "Pow": formula.power,
    "Resize": resize.linear_real,
    **dict.fromkeys(formula.FORMULAS, formula.applied),
    **dict.fromkeys(reduce.REAL, reduce.real),
    **real.REAL,
}
"""Operators with a rule in float32."""

SUPPORTED = tuple(sorted({*LAYOUTS, *INTEGER, *REAL, *FUNCTIONS, *ACTIVATIONS, *MOVES}))
"""Every operator that the compiler knows between DequantizeLinear and QuantizeLinear."""

__all__ = [
    "EXACT",
    "INTEGER",
    "LAYOUTS",
    "ON_STORED",
    "REAL",
    "SUPPORTED",
    "Layout",
    "activated",
    "clamped",
    "layout_of",
    "looked_up",
    "normed",
    "requantised",
]
