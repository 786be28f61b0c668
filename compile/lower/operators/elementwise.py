"""Adds, products and tables."""

from __future__ import annotations

import numpy as np

from ...graph import (
    Add,
    FusedAdd,
    Multiply,
    Table,
)
from ...kernels import elementwise
from ..bounds import largest, largest_sum
from ..constants import numbers
from ..forms import WIDE, float_sum_of, short
from ..program import Program


def lower_add(program: Program, op: Add) -> None:
    a, b = op.inputs
    y = program.graph.tensors[op.output]
    own = program.graph.tensors[a]
    fused = FusedAdd(op.sum, y.zero_point, op.low, op.high)
    real = float_sum_of(program, fused, own.zero_point, b)
    first, second, result = (program.view(name) for name in (a, b, op.output))
    program.call(
        op.ref,
        elementwise.AddShape(
            first, second, result, real is not None, short(program, largest_sum(op.sum))
        ),
        program.pointer(a),
        program.pointer(b),
        *numbers(program, op, own, fused, b, real=real),
        program.pointer(op.output),
    )


def lower_multiply(program: Program, op: Multiply) -> None:
    a, b = op.inputs
    gate = program.graph.tensors[b].shape != program.graph.tensors[a].shape
    most = largest(255**2, op.scale)
    program.call(
        op.ref,
        elementwise.MultiplyShape(
            program.view(a),
            program.view(b),
            program.view(op.output),
            gate,
            most >= WIDE,
            short(program, most),
        ),
        program.pointer(a),
        program.pointer(b),
        *numbers(program, op, program.graph.tensors[a], other=b, product=op.scale),
        program.pointer(op.output),
    )


def lower_table(program: Program, op: Table) -> None:
    source = op.inputs[0]
    table = np.clip(op.table, op.low, op.high).astype(np.int16) + program.isa.offset
    program.call(
        op.ref,
        elementwise.TableShape(program.view(source), program.view(op.output)),
        program.pointer(source),
        program.constant(table.astype(program.isa.dtype)),
        program.pointer(op.output),
    )
