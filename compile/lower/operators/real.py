"""Operators of float32: between int8 and float32, functions, operations, pooling."""

from __future__ import annotations

import numpy as np

from ...graph import Dequantise, Pool, Quantise, RealBinary, RealUnary
from ...kernels.real import elementwise, pool
from ..constants import numbers
from ..program import Program


def lower_quantise(program: Program, op: Quantise) -> None:
    """Appends the call of a quantisation."""
    source, target = program.graph.tensors[op.inputs[0]], program.graph.tensors[op.output]
    constants = numbers(program, op, source)
    constants.positive = float(np.float32(target.scale))
    shape = elementwise.QuantiseShape(program.view(source.name), program.view(op.output))
    pointers = program.pointer(source.name), *constants.store(program), program.pointer(op.output)
    program.call(op.ref, shape, *pointers)


def lower_dequantise(program: Program, op: Dequantise) -> None:
    """Appends the call of a dequantisation."""
    source = program.graph.tensors[op.inputs[0]]
    constants = numbers(program, op, source)
    constants.positive = float(np.float32(source.scale))
    shape = elementwise.DequantiseShape(program.view(source.name), program.view(op.output))
    pointers = program.pointer(source.name), *constants.store(program), program.pointer(op.output)
    program.call(op.ref, shape, *pointers)


def lower_unary(program: Program, op: RealUnary) -> None:
    """Appends the call of a function."""
    x, y = program.view(op.inputs[0]), program.view(op.output)
    constants = np.array([op.least, op.most], np.float32)
    apart = op.slope is not None and len(op.slope) > 1
    if op.slope is not None:
        constants = op.slope.astype(np.float32) if apart else np.repeat(np.float32(op.slope), 2)
    program.call(
        op.ref,
        elementwise.UnaryShape(x, y, op.kind, apart),
        program.pointer(op.inputs[0]),
        program.constant(constants),
        program.pointer(op.output),
    )


def lower_binary(program: Program, op: RealBinary) -> None:
    """Appends the call of an operation."""
    a, b, y = (program.view(name) for name in (*op.inputs, op.output))
    pointers = (program.pointer(name) for name in (*op.inputs, op.output))
    program.call(op.ref, elementwise.BinaryShape(a, b, y, op.kind), *pointers)


def lower_real_pool(program: Program, op: Pool) -> None:
    """Appends the call of a pooling of float32."""
    x, y = program.view(op.inputs[0]), program.view(op.output)
    scale = np.zeros(1) if op.scale is None else op.scale
    pads = op.pads[0], op.pads[1]
    program.call(
        op.ref,
        pool.RealPoolShape(x, y, op.kind, op.kernel, op.stride, pads),
        program.pointer(op.inputs[0]),
        program.constant(scale.astype(np.float32)),
        program.pointer(op.output),
    )
