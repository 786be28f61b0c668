"""How operators become kernel calls, one operator family a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...graph import (
    Add,
    ArgMax,
    Concat,
    Constant,
    Conv,
    Dequantise,
    Enter,
    Interpolate,
    LayerNorm,
    MatMul,
    Move,
    Multiply,
    Op,
    Pool,
    Quantise,
    RealBinary,
    RealConv,
    RealUnary,
    Rescale,
    Rows,
    Select,
    Softmax,
    Stack,
    Table,
)
from ..program import Program
from .attention import lower_layer_norm, lower_matmul
from .conv import lower_conv
from .elementwise import lower_add, lower_multiply
from .moves import lower_concat, lower_constant, lower_enter, lower_move, lower_select
from .pool import lower_pool
from .real import (
    lower_argmax,
    lower_binary,
    lower_dequantise,
    lower_quantise,
    lower_real_conv,
    lower_unary,
)
from .rescale import lower_rescale
from .tables import lower_interpolate, lower_softmax, lower_table


def _nothing(program: Program, op: Op) -> None:
    """Views are never copied."""


LOWERINGS: dict[type[Op], Callable[[Program, Any], None]] = {
    Conv: lower_conv,
    Rescale: lower_rescale,
    Add: lower_add,
    Multiply: lower_multiply,
    Table: lower_table,
    Pool: lower_pool,
    Concat: lower_concat,
    Constant: lower_constant,
    Select: lower_select,
    Move: lower_move,
    Quantise: lower_quantise,
    Dequantise: lower_dequantise,
    RealUnary: lower_unary,
    RealBinary: lower_binary,
    RealConv: lower_real_conv,
    ArgMax: lower_argmax,
    Softmax: lower_softmax,
    Interpolate: lower_interpolate,
    MatMul: lower_matmul,
    LayerNorm: lower_layer_norm,
    Enter: lower_enter,
    Rows: _nothing,
    Stack: _nothing,
}
