"""Element-wise rescales: calls of their own, or prologues of the convolutions that read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import Rescale
from ...kernels import elementwise
from ...kernels.epilogue import Product
from ...kernels.frame import rounded
from ...kernels.packed import padded
from ...kernels.rescale import words as rescale_words
from ...kernels.rescale.shape import WordsShape
from ..bounds import clamped, largest
from ..constants import numbers
from ..forms import WIDE, words_of
from ..program import Program, Prologue
from ..prologues import is_prologue


def lower_rescale(program: Program, op: Rescale) -> None:
    """Appends the call of a rescale, or notes that its readers do it."""
    source = program.graph.tensors[op.inputs[0]]
    words = words_of(program, op, op.scale, op.negative_scale, source.zero_point)
    if words is not None:
        product = Product(words.shift, words.plus)
        x, y = program.view(source.name), program.view(op.output)
        shape = WordsShape(x, y, product, clamped(op))
        shape = replace(shape, tile=program.tiles(program.isa, shape))
        factors = program.constant(rescale_words.pack(program.isa, words.positive, words.negative))
        ints = numbers(program, op, source).store(program)[1]
        if is_prologue(program.isa, program.graph, program.layout, op):
            program.prologues[op.output] = Prologue(source.name, shape, factors, ints)
            return
        pointers = program.pointer(source.name), factors, ints, program.pointer(op.output)
        program.call(op.ref, shape, *pointers)
        return
    two = not np.array_equal(op.scale, op.negative_scale)
    wide = largest(255, op.scale, op.negative_scale) >= WIDE
    width = rounded(source.channels, program.isa.vector)
    program.call(
        op.ref,
        elementwise.RescaleShape(program.view(source.name), program.view(op.output), two, wide),
        program.pointer(source.name),
        program.constant(padded(op.scale, width)),
        program.constant(padded(op.negative_scale if two else np.zeros(1), width if two else 1)),
        *numbers(program, op, source).store(program),
        program.pointer(op.output),
    )
