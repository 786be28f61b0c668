"""Operators of float32: between int8 and float32, functions, operations, pooling."""

from __future__ import annotations

import numpy as np

from ...arithmetic import curves
from ...graph import ArgMax, Dequantise, Pool, Quantise, RealBinary, RealConv, RealUnary
from ...kernels.real import argmax, conv, elementwise, pool
from ...kernels.real.curves import CurveShape
from ..constants import numbers
from ..program import Program

TABLES = {"exp": curves.exp_table, "log": curves.log_table}


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
    if op.kind in TABLES:
        table = program.constant(TABLES[op.kind]())
        places = program.pointer(op.inputs[0]), table, program.pointer(op.output)
        program.call(op.ref, CurveShape(x, y, op.kind), *places)
        return
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


def lower_real_conv(program: Program, op: RealConv) -> None:
    """Appends the call of a convolution of float32."""
    x, y = program.view(op.inputs[0]), program.view(op.output)
    shape = conv.RealConvShape(x, y, op.kernel, op.stride, (op.pads[0], op.pads[1]), op.groups)
    program.call(
        op.ref,
        shape,
        program.pointer(op.inputs[0]),
        program.constant(np.ascontiguousarray(op.weight.transpose(2, 3, 1, 0), np.float32)),
        program.constant(op.bias.astype(np.float32)),
        program.constant(np.full(1, -1, np.int32)),
        program.pointer(op.output),
    )


def lower_argmax(program: Program, op: ArgMax) -> None:
    """Appends the call of an ArgMax."""
    x, y = program.view(op.inputs[0]), program.view(op.output)
    real = program.graph.tensors[op.inputs[0]].real
    pointers = program.pointer(op.inputs[0]), program.pointer(op.output)
    program.call(op.ref, argmax.ArgMaxShape(x, y, real, op.last), *pointers)
