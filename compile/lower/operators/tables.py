"""Operators by tables: functions of one value, softmax, interpolation."""

from __future__ import annotations

import numpy as np

from ...graph import Interpolate, Softmax, Table
from ...kernels import families, interpolate
from ...kernels.lookup.shape import TableShape
from ...kernels.real import softmax
from ..bounds import largest
from ..constants import numbers
from ..forms import WIDE
from ..program import Program


def lower_table(program: Program, op: Table) -> None:
    """Appends the call of a table's look-up."""
    source = op.inputs[0]
    table = np.clip(op.table, op.low, op.high).astype(np.int16) + program.isa.offset
    shape = TableShape(program.view(source), program.view(op.output), table.ndim == 2)
    stored = families.of(program.isa, shape).pack(program.isa, table.astype(program.isa.dtype))
    program.call(
        op.ref,
        shape,
        program.pointer(source),
        program.constant(stored),
        program.pointer(op.output),
    )


def lower_softmax(program: Program, op: Softmax) -> None:
    """Appends the call of a softmax."""
    source, target = program.graph.tensors[op.inputs[0]], program.graph.tensors[op.output]
    constants = numbers(program, op, source)
    constants.positive = float(np.float32(target.scale))
    program.call(
        op.ref,
        softmax.SoftmaxShape(program.view(source.name), program.view(op.output), target.real),
        program.pointer(source.name),
        program.constant(op.table.astype(np.int32)),
        *constants.store(program),
        program.pointer(op.output),
    )


def lower_interpolate(program: Program, op: Interpolate) -> None:
    """Appends the call of an interpolation."""
    source = program.graph.tensors[op.inputs[0]]
    x, y = program.view(source.name), program.view(op.output)
    constants = numbers(program, op, source)
    constants.positive = float(op.scale)
    wide = largest(255 * interpolate.ONE**2, op.scale) >= WIDE
    tables = [
        np.stack([index * step, np.minimum(index + 1, size - 1) * step, weight]).astype(np.int32)
        for index, weight, step, size in (
            (op.rows, op.row_weights, x.row, x.height),
            (op.columns, op.column_weights, x.pixel, x.width),
        )
    ]
    program.call(
        op.ref,
        interpolate.InterpolateShape(x, y, wide),
        program.pointer(source.name),
        *map(program.constant, tables),
        *constants.store(program),
        program.pointer(op.output),
    )
