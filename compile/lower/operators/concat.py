"""Concatenations that are no adjacent writes."""

from __future__ import annotations

from ...graph import Concat
from ...kernels import move
from ...kernels.frame import View
from ..program import Pointer, Program


def lower_concat(program: Program, op: Concat) -> None:
    """Appends a copy for each part, where the parts are no adjacent writes."""
    if op.output not in program.layout.materialised:
        return
    channel = 0
    whole = program.pointer(op.output)
    target = program.view(op.output)
    for name in op.inputs:
        source = program.view(name)
        part = View(target.height, target.width, source.channels, target.row, target.pixel)
        program.call(
            op.ref,
            move.CopyShape(source, part, False, external=True),
            program.pointer(name),
            Pointer("arena", whole.offset + channel, whole.piece),
        )
        channel += source.channels
