"""The constant tables FLOATS and INTS that a kernel reads beside its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..arithmetic.multiply_add import FloatSum
from ..arithmetic.words import Words
from ..graph import FusedActivation, FusedAdd, Op, Tensor, results
from ..kernels.epilogue import FLOATS, INTS

if TYPE_CHECKING:
    from .program import Pointer, Program


def numbers(
    program: Program,
    op: Op,
    source: Tensor,
    add: FusedAdd | None = None,
    other: str | None = None,
    activation: FusedActivation | None = None,
    product: np.float32 | None = None,
    words: Words | None = None,
    real: FloatSum | None = None,
) -> tuple[Pointer, Pointer]:
    """The constant tables FLOATS and INTS of kernels/epilogue.py for one operator."""
    offset = program.isa.offset
    y = program.graph.tensors[op.output]
    floats = dict.fromkeys(FLOATS, 0.0)
    ints = dict.fromkeys(INTS, 0)
    ints["source_zero"] = source.zero_point + offset
    ints["zero"] = y.zero_point + offset
    ints["minimum"], ints["maximum"] = op.low + offset, op.high + offset
    # Each link of the chain rescale, activation, add writes the range of its own result.
    ranges = [(low - zero, high - zero) for zero, low, high in results(op, y, activation, add)]
    floats["low"], floats["high"] = ranges.pop(0)
    if activation is not None:
        floats["positive"] = float(activation.scale)
        floats["act_low"], floats["act_high"] = ranges.pop(0)
        ints["act_least"], ints["act_most"] = (
            end - activation.zero_point for end in (activation.low, activation.high)
        )
    if real is not None:
        floats["a_real"], floats["b_real"] = float(real.a_factor), float(real.b_factor)
        floats["c_real"] = float(real.offset)
    if words is not None:
        ints["act_factor"] = int(words.positive[0])
    if product is not None and other is not None:
        floats["positive"] = float(product)
        ints["b_offset"] = -(program.graph.tensors[other].zero_point + offset)
    if add is not None and other is not None:
        total = add.sum
        floats["add_low"], floats["add_high"] = ranges.pop(0)
        floats["add_scale"] = 2.0**-total.shift
        ints["a_factor"], ints["b_factor"] = total.a_factor, total.b_factor
        b_zero = program.graph.tensors[other].zero_point + offset
        ints["b_offset"] = total.offset - b_zero * total.b_factor
    return (
        program.constant(np.array(list(floats.values()), np.float32)),
        program.constant(np.array(list(ints.values()), np.int32)),
    )
