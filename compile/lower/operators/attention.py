"""Products of two activations, and layer norm."""

from __future__ import annotations

import numpy as np

from ...graph import LayerNorm, MatMul
from ...kernels.attention.shape import Heads, LayerNormShape, MatMulShape
from ...kernels.frame import rounded
from ..bounds import largest
from ..constants import numbers
from ..forms import WIDE
from ..program import Program


def lower_matmul(program: Program, op: MatMul) -> None:
    """Appends the call of a product."""
    tensors = [program.graph.tensors[name] for name in (*op.inputs, op.output)]
    a, b, y = (
        Heads.of(program.view(tensor.name), op.heads, beside)
        for tensor, beside in zip(tensors, op.beside, strict=True)
    )
    inner = tensors[0].channels // (op.heads if op.beside[0] else 1)
    columns = tensors[1].width
    constants = numbers(program, op, tensors[0])
    offset = program.isa.offset
    constants.a_factor = -(tensors[0].zero_point + offset)
    constants.b_factor = -(tensors[1].zero_point + offset)
    wide = largest(inner * 255**2, op.scale) >= WIDE
    rows = tensors[0].width
    shape = MatMulShape(a, b, y, op.heads, rows, columns, inner, wide)
    program.call(
        op.ref,
        shape,
        *(program.pointer(name) for name in op.inputs),
        program.constant(op.scale.astype(np.float32)),
        *constants.store(program),
        program.scratch(op, 2 * rounded(columns, program.isa.vector)),
        program.pointer(op.output),
    )


def lower_layer_norm(program: Program, op: LayerNorm) -> None:
    """Appends the call of a norm."""
    source = program.graph.tensors[op.inputs[0]]
    room = rounded(source.channels, program.isa.vector) - source.channels
    reach = np.abs(op.bias.astype(np.int64)) + 2**22
    wide = largest(reach, op.scale) >= WIDE
    views = program.view(source.name), program.view(op.output)
    program.call(
        op.ref,
        LayerNormShape(*views, op.unit, op.shift, op.centred, wide),
        program.pointer(source.name),
        program.constant(np.pad(op.bias.astype(np.int32), (0, room))),
        program.constant(np.pad(op.scale.astype(np.float32), (0, room))),
        program.constant(np.array([op.inside], np.int64)),
        program.constant(np.array([op.beside], np.float32)),
        *numbers(program, op, source).store(program),
        program.pointer(op.output),
    )
