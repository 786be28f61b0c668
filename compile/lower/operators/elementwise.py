"""Adds and products."""

from __future__ import annotations

from ...graph import Add, FusedAdd, Multiply
from ...kernels import elementwise
from ..bounds import largest, largest_sum
from ..constants import numbers, set_float_sum, set_product, set_sum
from ..forms import WIDE, float_sum_of, short
from ..program import Program


def lower_add(program: Program, op: Add) -> None:
    """Appends the call of an add."""
    a, b = op.inputs
    y = program.graph.tensors[op.output]
    own = program.graph.tensors[a]
    fused = FusedAdd(op.sum, y.zero_point, op.low, op.high)
    real = float_sum_of(program, fused, own.zero_point, b)
    constants = numbers(program, op, own, add=fused)
    set_sum(constants, program, fused, b)
    if real is not None:
        set_float_sum(constants, real)
    first, second, result = (program.view(name) for name in (a, b, op.output))
    fits = short(program, largest_sum(op.sum))
    program.call(
        op.ref,
        elementwise.AddShape(first, second, result, real is not None, fits),
        program.pointer(a),
        program.pointer(b),
        *constants.store(program),
        program.pointer(op.output),
    )


def lower_multiply(program: Program, op: Multiply) -> None:
    """Appends the call of a product."""
    a, b = op.inputs
    gate = program.graph.tensors[b].shape != program.graph.tensors[a].shape
    most = largest(255**2, op.scale)
    constants = numbers(program, op, program.graph.tensors[a])
    set_product(constants, program, op.scale, b)
    first, second, result = (program.view(name) for name in (a, b, op.output))
    wide, fits = most >= WIDE, short(program, most)
    program.call(
        op.ref,
        elementwise.MultiplyShape(first, second, result, gate, wide, fits),
        program.pointer(a),
        program.pointer(b),
        *constants.store(program),
        program.pointer(op.output),
    )
