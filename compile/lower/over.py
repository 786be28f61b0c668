"""Where a convolution's result may lie over its input, as it is read and written in one order."""

from __future__ import annotations

from functools import lru_cache

from ..graph import Conv, Op, Rows
from ..kernels import families
from ..kernels.conv.order import behind
from ..kernels.conv.shape import ConvShape
from ..kernels.depthwise.shape import DepthwiseShape
from ..kernels.isa.base import Isa
from .program import Over, Program

OFFSETS = 64
"""Offsets of pieces in the arena are multiples of it (memory/plan.py)."""

Shape = ConvShape | DepthwiseShape


def over(program: Program, op: Conv, shape: Shape) -> Over | None:
    """How far the result begins before the input, from piece to piece, or None: they are apart."""
    prologue = program.prologues.get(op.inputs[0])
    source = program.pointer(prologue.source if prologue else op.inputs[0], op.pads)
    target = program.pointer(op.output)
    if source.piece is None or target.piece is None:
        return None
    if op.add and program.pointer(op.inputs[1]).piece == source.piece:
        return None
    found = distance(program.isa, shape, source.offset, target.offset, source.piece.bytes)
    return None if found is None else Over(source.piece, target.piece, found)


@lru_cache(maxsize=4096)
def distance(isa: Isa, shape: Shape, source: int, target: int, size: int) -> int | None:
    """``Over.behind`` of a kernel; None: it has no such order.

    Args:
        source, target: bytes from the begin of each piece to where its pointer is.
        size: bytes of the input's piece.
    """
    order = getattr(families.of(isa, shape), "order", None)
    if order is None or shape.rounding.real:
        return None
    x, y, apart = shape.x, shape.y, target - source
    grid = x.pixel == y.pixel and OFFSETS % x.pixel == 0 and apart % x.pixel == 0
    steps = order(families.instructions(isa, shape), shape, grid)
    return None if steps is None else max(-size, behind(steps, -size) + apart)


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
