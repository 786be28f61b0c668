"""Where a convolution's result may lie over its input, as it is read and written in one order."""

from __future__ import annotations

from ..graph import Conv, Op, Rows
from ..kernels import families
from ..kernels.conv.order import behind
from ..kernels.conv.shape import ConvShape
from ..kernels.depthwise.shape import DepthwiseShape
from ..kernels.isa.base import Isa
from .program import Over, Program

OFFSETS = 64
"""Offsets of pieces in the arena are multiples of it (memory/plan.py)."""


def over(program: Program, op: Conv, shape: ConvShape | DepthwiseShape, on: Isa) -> Over | None:
    """How far the result begins before the input, from piece to piece, or None: they are apart."""
    order = getattr(families.of(program.isa, shape), "order", None)
    prologue = program.prologues.get(op.inputs[0])
    source = program.pointer(prologue.source if prologue else op.inputs[0], op.pads)
    target = program.pointer(op.output)
    if order is None or shape.rounding.real or source.piece is None or target.piece is None:
        return None
    if op.add and program.pointer(op.inputs[1]).piece == source.piece:
        return None
    x, y, apart = shape.x, shape.y, target.offset - source.offset
    grid = x.pixel == y.pixel and OFFSETS % x.pixel == 0 and apart % x.pixel == 0
    steps = order(on, shape, grid)
    if steps is None:
        return None
    least = -source.piece.bytes
    return Over(source.piece, target.piece, max(least, behind(steps, least) + apart))


def border_waits(program: Program, op: Op) -> bool:
    """Whether a result's border is filled behind the operator, since it may lie over the input."""
    if not isinstance(op, Conv) or program.graph.tensors[op.output].real:
        return False
    kind = "depthwise" if op.depthwise else "conv"
    if not any(hasattr(family, "order") for family in families.listed(program.isa, kind)):
        return False
    places = program.layout.places
    root = places[op.output][0]
    writers = [o for o in program.graph.ops if places[o.output][0] == root]
    return [o for o in writers if not isinstance(o, Rows)] == [op]
