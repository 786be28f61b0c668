"""How operators become kernel calls, one operator family a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...graph import (
    Add,
    Concat,
    Constant,
    Conv,
    Move,
    Multiply,
    Op,
    Pool,
    Rescale,
    Rows,
    Select,
    Stack,
    Table,
)
from ..program import Program
from .conv import lower_conv
from .elementwise import lower_add, lower_multiply, lower_table
from .moves import lower_concat, lower_constant, lower_move, lower_select
from .pool import lower_pool
from .rescale import lower_rescale


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
    Rows: _nothing,
    Stack: _nothing,
}
