"""The constants of one operator that its kernel reads beside weights: what FLOATS and INTS hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arithmetic.multiply_add import FloatSum
from ..arithmetic.words import Words
from ..graph import FusedActivation, FusedAdd, Op, Tensor, results
from ..kernels.epilogue import FLOATS, INTS
from .program import Pointer, Program


@dataclass
class LayerNumbers:
    """One field for each name in FLOATS and INTS of kernels/epilogue.py; unused ones stay 0.

    Stored values are those of the target (``q + isa.offset``), steps count from a zero point. The
    chain of an operator is its rescale, then its activation, then its add; each link clamps to the
    int8 range of its own result.
    """

    source_zero: int = 0  # stored zero point of the input
    zero: int = 0  # stored zero point of the output
    minimum: int = 0  # least and largest stored value of the output
    maximum: int = 0
    low: float = 0.0  # range of the rescale's result, in steps
    high: float = 0.0
    positive: float = 0.0  # float32 factor of an activation's positive steps, or of a product
    act_low: float = 0.0  # range of the activation's result, in steps
    act_high: float = 0.0
    act_factor: int = 0  # the positive factor in 16-bit words, of 2^15
    act_least: int = 0  # range of the activation's operand, in steps
    act_most: int = 0
    a_factor: int = 0  # sum: a * a_factor + b * b_factor + b_offset, in 2^-shift steps
    b_factor: int = 0
    b_offset: int = 0  # also of a product: minus the stored zero point of b
    add_scale: float = 0.0  # 2^-shift
    add_low: float = 0.0  # range of the add's result, in steps
    add_high: float = 0.0
    a_real: float = 0.0  # the same sum as fma(a, a_real, fma(b, b_real, c_real)), in steps
    b_real: float = 0.0
    c_real: float = 0.0

    def store(self, program: Program) -> tuple[Pointer, Pointer]:
        """Both tables among the program's constants."""
        return (
            program.constant(np.array([getattr(self, name) for name in FLOATS], np.float32)),
            program.constant(np.array([getattr(self, name) for name in INTS], np.int32)),
        )


def numbers(
    program: Program,
    op: Op,
    source: Tensor,
    activation: FusedActivation | None = None,
    add: FusedAdd | None = None,
) -> LayerNumbers:
    """Zero points and ranges of an operator's chain."""
    offset = program.isa.offset
    y = program.graph.tensors[op.output]
    found = LayerNumbers(
        source_zero=source.zero_point + offset,
        zero=y.zero_point + offset,
        minimum=op.low + offset,
        maximum=op.high + offset,
    )
    ranges = [(low - zero, high - zero) for zero, low, high in results(op, y, activation, add)]
    found.low, found.high = ranges.pop(0)
    if activation is not None:
        found.positive = float(activation.scale)
        found.act_low, found.act_high = ranges.pop(0)
        found.act_least = activation.low - activation.zero_point
        found.act_most = activation.high - activation.zero_point
    if add is not None:
        found.add_low, found.add_high = ranges.pop(0)
    return found


def set_sum(found: LayerNumbers, program: Program, add: FusedAdd, b: str) -> None:
    """The integer sum of ``add`` with operand ``b``."""
    b_zero = program.graph.tensors[b].zero_point + program.isa.offset
    found.add_scale = 2.0**-add.sum.shift
    found.a_factor, found.b_factor = add.sum.a_factor, add.sum.b_factor
    found.b_offset = add.sum.offset - b_zero * add.sum.b_factor


def set_float_sum(found: LayerNumbers, total: FloatSum) -> None:
    """The same sum as two multiply-adds."""
    found.a_real, found.b_real = float(total.a_factor), float(total.b_factor)
    found.c_real = float(total.offset)


def set_words(found: LayerNumbers, words: Words) -> None:
    """The positive factor of an activation in 16-bit words."""
    found.act_factor = int(words.positive[0])


def set_product(found: LayerNumbers, program: Program, scale: np.float32, b: str) -> None:
    """The scale of a product with operand ``b``."""
    found.positive = float(scale)
    found.b_offset = -(program.graph.tensors[b].zero_point + program.isa.offset)
