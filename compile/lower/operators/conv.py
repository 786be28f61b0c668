"""Convolutions with their activation and add."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...arithmetic import fixedpoint, scales
from ...arithmetic.fixedpoint import Fixed, fixed_factors
from ...arithmetic.words import Words
from ...errors import CompileError
from ...graph import (
    Conv,
    results,
)
from ...kernels.conv.shape import ConvShape, reads
from ...kernels.depthwise.shape import DepthwiseShape
from ...kernels.epilogue import Product, Rounding
from .. import families
from ..bounds import clamped, largest, largest_sum
from ..constants import numbers
from ..forms import WIDE, float_sum_of, short, words_of
from ..program import Program


def lower_conv(program: Program, op: Conv) -> None:
    isa, graph = program.isa, program.graph
    source = graph.tensors[op.inputs[0]]
    other = program.view(op.inputs[1]) if op.add else None
    zero = source.zero_point + isa.offset
    bias = op.bias.astype(np.int64) - zero * op.weight.astype(np.int64).sum(axis=(1, 2, 3))
    if np.abs(bias).max() >= 2**31:
        raise CompileError(f"{graph.name}: node {op.name!r}: the bias overflows int32")
    activation = op.activation
    reach = scales.reach(op.weight, op.bias)
    most = largest(reach, op.scale)
    wide = most >= WIDE
    words = None
    # An add wants the steps in int32; the plain depthwise kernel has no words on a Cortex-M.
    if activation is not None and op.add is None and families.paired(isa, op) == isa.scalar:
        negative = activation.negative_scale
        positive = np.broadcast_to(activation.scale, negative.shape)
        words = words_of(program, op, positive, negative, activation.zero_point)
    fused = None
    if op.add is not None:
        fused = float_sum_of(program, op.add, op.add.zero_point, op.inputs[1])
    if op.add is not None:
        most = largest_sum(op.add.sum)
    elif activation is not None and words is None:
        most = largest(255, activation.scale, activation.negative_scale)
        wide |= most >= WIDE
    fixed = None
    if activation is None or words is not None or families.paired(isa, op):
        fixed = _fixed(program, op, reach)
    rounding = Rounding(
        words=Product(words.shift, words.plus) if words else None,
        wide=wide,
        clamped=clamped(op),
        fused=fused is not None,
        short=short(program, most),
        capped=words is not None and not _saturates(program, op, words),
        fixed=fixed.shift if fixed else 0,
    )
    enter = program.prologues.get(source.name)
    stored = enter.source if enter else source.name
    x, y = program.view(stored), program.view(op.output)
    shape: Any
    if op.depthwise:
        shape = DepthwiseShape(x, y, op.kernel, op.stride, activation is not None, other, rounding)
        shape = replace(shape, tile=program.tiles(isa, shape))
        packed = families.by_channel(isa, shape, op)
    else:
        layer = reads(isa.dense, source.channels, op.weight.shape[0], op.groups)
        before = enter.shape if enter else None
        shape = ConvShape(
            x, y, op.kernel, op.stride, layer, activation is not None, other, rounding, before
        )
        shape = families.fewest(isa, shape, op, source.channels)
        shape = replace(shape, tile=program.tiles(families.instructions(isa, shape), shape))
        packed = families.dense(isa, shape, op)
    spare = (program.scratch(op, packed.scratch),) if packed.scratch else ()
    other_name = op.inputs[1] if op.add else None
    factors = packed.table(op.scale)
    if fixed is not None:
        factors = packed.table(fixed.factors, np.int32)
    slopes = np.zeros(1, np.float32)
    if words is not None:
        slopes = packed.table(words.negative, np.int16)
    elif activation is not None:
        slopes = packed.table(activation.negative_scale)
    floats, ints = numbers(
        program, op, source, op.add, other_name, activation, words=words, real=fused
    )
    program.call(
        op.ref,
        shape,
        program.pointer(stored, op.pads),
        program.constant(packed.weight),
        program.constant(packed.table(bias, np.int32)),
        program.constant(factors),
        program.constant(slopes),
        floats,
        ints,
        program.pointer(op.inputs[1]) if op.add else program.pointer(op.output),
        program.pointer(op.output),
        *((enter.factors, enter.ints) if enter else ()),
        *spare,
    )


def _fixed(program: Program, op: Conv, reach: np.ndarray) -> Fixed | None:
    """Integer factors of a convolution's own rescale, where kernels and numbers have any."""
    y = program.graph.tensors[op.output]
    zero, low, high = results(op, y, op.activation, op.add)[0]
    if families.paired(program.isa, op):
        found = fixedpoint.factors(op.scale, reach, low - zero, high - zero)
        return Fixed(found, fixedpoint.BITS) if (found >= 0).all() else None
    if not program.isa.fixed or op.add is not None:
        return None
    return fixed_factors(op.scale, reach, low - zero, high - zero)


def _saturates(program: Program, op: Conv, words: Words) -> bool:
    """Whether an activation of any word above its operand's range gives the result's upper end."""
    activation, y = op.activation, program.graph.tensors[op.output]
    if not program.isa.accumulates or words.shift or activation is None:
        return False
    factor = int(words.positive[0]) + 2**15 * words.plus
    most = ((activation.high - activation.zero_point) * factor + 2**14) >> 15
    return factor >= 0 and most >= op.high - y.zero_point
