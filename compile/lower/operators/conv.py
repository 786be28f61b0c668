"""Convolutions with their activation and add."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from ...arithmetic import fixedpoint, scales
from ...arithmetic.fixedpoint import Fixed, fixed_factors
from ...arithmetic.lines import Lines, lines
from ...arithmetic.multiply_add import FloatSum
from ...arithmetic.words import Words
from ...errors import CompileError
from ...graph import INT8_MAX, Conv, results
from ...kernels import families
from ...kernels.conv.shape import ConvShape, input_channels, least_steps
from ...kernels.depthwise.shape import DepthwiseShape
from ...kernels.epilogue import FLOAT, PLAIN, Line, Product, Rounding
from ...kernels.packed import Packed
from ..bounds import clamped, largest, largest_sum
from ..constants import numbers, set_float_sum, set_sum, set_words
from ..forms import WIDE, float_sum_of, short, words_of
from ..over import over
from ..program import Pointer, Program

REAL = Rounding(clamped=False, real=True)


@dataclass(frozen=True)
class Form:
    """How a convolution's chain is computed where that gives the rule's bytes.

    ``words``: its activation in 16-bit words; ``total``: its add as two multiply-adds; ``fixed``:
    its own rescale by integer factors, or ``lines``: by lines of those channels that have one.
    None where the chain has no such link, or no such factors.
    """

    words: Words | None
    total: FloatSum | None
    fixed: Fixed | None
    lines: Lines | None
    rounding: Rounding


def lower_conv(program: Program, op: Conv) -> None:
    """Appends the call of a convolution."""
    isa = program.isa
    shape = _shape(program, op)
    family = families.of(isa, shape)
    form = _form(program, op, family)
    shape = replace(shape, rounding=form.rounding)
    shape = replace(shape, tile=program.tiles(isa, shape))
    on = families.instructions(isa, shape)
    packed = family.packed(on, shape, op.weight, op.groups)
    arguments = _arguments(program, op, form, packed)
    program.call(op.ref, shape, *arguments, over=over(program, op, shape))


def _shape(program: Program, op: Conv) -> ConvShape | DepthwiseShape:
    """What shapes the kernel, but for its rounding and tile."""
    prologue = program.prologues.get(op.inputs[0])
    x, y = program.view(prologue.source if prologue else op.inputs[0]), program.view(op.output)
    other = program.view(op.inputs[1]) if op.add else None
    activation = op.activation is not None
    real = program.graph.tensors[op.output].real
    rounding = REAL if real else PLAIN
    if op.depthwise:
        return DepthwiseShape(x, y, op.kernel, op.stride, activation, other, rounding)
    inputs, outputs = program.graph.tensors[op.inputs[0]].channels, len(op.weight)
    layer = input_channels(
        program.isa.sums if real else program.isa.dense, inputs, outputs, op.groups
    )
    before = prologue.shape if prologue else None
    shape = ConvShape(x, y, op.kernel, op.stride, layer, activation, other, rounding, before)
    return least_steps(program.isa, shape, inputs, outputs, op.groups)


def _form(program: Program, op: Conv, family: ModuleType) -> Form:
    if program.graph.tensors[op.output].real:
        return Form(None, None, None, None, REAL)
    activation, add = op.activation, op.add
    reach = scales.reach(op.weight, op.bias)
    most = largest(reach, op.scale)
    wide = most >= WIDE
    words = total = fixed = None
    if activation is not None and add is None and family.words(program.isa):
        negative = activation.negative_scale
        positive = np.broadcast_to(activation.scale, negative.shape)
        words = words_of(program, op, positive, negative, activation.zero_point)
    if add is not None:
        total = float_sum_of(program, add, add.zero_point, op.inputs[1])
        most = largest_sum(add.sum)
    elif activation is not None and words is None:
        most = largest(255, activation.scale, activation.negative_scale)
        wide |= most >= WIDE
    if activation is None or words is not None or family.FRACTION:
        fixed = _fixed(program, op, family, reach)
    found = lines_of(program, op, family) if family.FRACTION and fixed is None else None
    ends = program.graph.tensors[op.output].zero_point, op.low, op.high
    rounding = Rounding(
        words=Product(words.shift, words.plus) if words else None,
        wide=wide,
        clamped=clamped(op),
        fused=total is not None,
        short=short(program, most),
        capped=words is not None and not _saturates(program, op, words),
        fixed=fixed.shift if fixed else 0,
        line=Line(found.shift, not found.exact.all()) if found else None,
        rectified=family.RECTIFIES and ends == (0, 0, INT8_MAX),
    )
    return Form(words, total, fixed, found, rounding)


def _fixed(program: Program, op: Conv, family: ModuleType, reach: np.ndarray) -> Fixed | None:
    """Integer factors of a convolution's own rescale, where kernels and numbers have any."""
    y = program.graph.tensors[op.output]
    zero, low, high = results(op, y, op.activation, op.add)[0]
    if family.FRACTION == fixedpoint.BITS:
        found = fixedpoint.factors(op.scale, reach, low - zero, high - zero)
        return Fixed(found, fixedpoint.BITS) if (found >= 0).all() else None
    if not program.isa.fixed or op.add is not None:
        return None
    return fixed_factors(op.scale, reach, low - zero, high - zero)


def lines_of(program: Program, op: Conv, family: ModuleType) -> Lines | None:
    """Lines of a convolution's own rescale, where groups of channels have any."""
    y = program.graph.tensors[op.output]
    zero, low, high = results(op, y, op.activation, op.add)[0]
    own = zero if op.activation is None and op.add is None else 0
    found = lines(op.scale, scales.reach(op.weight, op.bias), low - zero, high - zero, own)
    together = np.add.reduceat(~found.exact, np.arange(0, len(found.exact), family.TOGETHER))
    kept = np.repeat(together == 0, family.TOGETHER)[: len(found.exact)]
    return found.where(kept) if kept.any() else None


def _arguments(program: Program, op: Conv, form: Form, packed: Packed) -> tuple[Pointer, ...]:
    """As ``kernels/conv_frame.parameters`` lists them."""
    source = program.graph.tensors[op.inputs[0]]
    prologue = program.prologues.get(source.name)
    constants = numbers(program, op, source, op.activation, op.add)
    if op.add is not None:
        set_sum(constants, program, op.add, op.inputs[1])
    if form.total is not None:
        set_float_sum(constants, form.total)
    if form.words is not None:
        set_words(constants, form.words)
    spare = (program.scratch(op, packed.scratch),) if packed.scratch else ()
    factors, slopes = packed.table(op.scale), np.zeros(1, np.float32)
    bias, starts = _bias(program, op), []
    if form.fixed is not None:
        factors = packed.table(form.fixed.factors, np.int32)
    if (found := form.lines) is not None:
        bits = op.scale.astype(np.float32).view(np.int32)
        factors = packed.table(np.where(found.exact, found.factors, bits), np.int32)
        starts = [packed.table(np.where(found.exact, found.starts, FLOAT), np.int32)]
        bias += found.offsets
    if form.words is not None:
        slopes = packed.table(form.words.negative, np.int16)
    elif op.activation is not None:
        slopes = packed.table(op.activation.negative_scale)
    floats, ints = constants.store(program)
    return (
        program.pointer(prologue.source if prologue else source.name, op.pads),
        program.constant(packed.weight),
        program.constant(packed.table(bias, np.int32)),
        program.constant(factors),
        *map(program.constant, starts),
        program.constant(slopes),
        floats,
        ints,
        program.pointer(op.inputs[1] if op.add else op.output),
        program.pointer(op.output),
        *((prologue.factors, prologue.ints) if prologue else ()),
        *spare,
    )


def _bias(program: Program, op: Conv) -> np.ndarray:
    """int64 (O): the bias with the zero point's share of all sums.

    Raises:
        CompileError: it is beyond int32.
    """
    zero = program.graph.tensors[op.inputs[0]].zero_point + program.isa.offset
    bias: np.ndarray = op.bias.astype(np.int64) - zero * op.weight.astype(np.int64).sum((1, 2, 3))
    if np.abs(bias).max() > scales.INT32_MAX:
        raise CompileError(f"{program.graph.name}: node {op.name!r}: the bias overflows int32")
    return bias


def _saturates(program: Program, op: Conv, words: Words) -> bool:
    """Whether an activation of any word above its operand's range gives the result's upper end."""
    activation, y = op.activation, program.graph.tensors[op.output]
    if not program.isa.accumulates or words.shift or activation is None:
        return False
    factor = int(words.positive[0]) + 2**15 * words.plus
    most = ((activation.high - activation.zero_point) * factor + 2**14) >> 15
    return factor >= 0 and most >= op.high - y.zero_point
