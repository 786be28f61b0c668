"""Lowers a graph: the input's copy, each operator's border and kernel, the output's copy."""

from __future__ import annotations

from math import prod

from ..graph import (
    Graph,
    Op,
)
from ..kernels import move
from ..kernels.frame import View
from ..kernels.isa.base import Isa
from . import layout as layouts
from .operators import LOWERINGS
from .over import border_waits
from .program import Border, Copy, Pointer, Program, Tiles, own_tiles


def lower(graph: Graph, isa: Isa, tiles: Tiles = own_tiles) -> Program:
    """Calls in order: input copy, each operator's border and kernel, output copy."""
    program = Program(graph, isa, layouts.assign(graph, isa.packed), tiles)
    bordered: set[str] = set()

    def border(name: str, strip: int | None = None) -> None:
        root_name = program.layout.places[name][0]
        root, piece = program.layout.roots[root_name], program.piece(root_name)
        if root.fill is None or root_name in bordered or root_name in graph.stored():
            return
        bordered.add(root_name)
        value = (root.fill + isa.offset) & 0xFF
        shape = move.PadShape(root.height, root.width, root.pixel, root.border, value)
        program.call(Border(piece.whole, strip), shape, Pointer("arena", 0, piece))

    def leave(name: str) -> None:
        for number, output in enumerate(graph.outputs):
            if output == name:
                _copy_out(program, number)

    for number, name in enumerate(graph.inputs):
        if name in graph.lent():
            continue
        border(name)
        _copy_in(program, number)
    for name in graph.inputs:
        leave(name)
    for op in graph.ops:
        waits = border_waits(program, op)
        if not waits:
            border(op.output, op.strip)
        lower_op(program, op)
        if waits:
            border(op.output, op.strip)
        leave(op.output)
    return program


def lower_op(program: Program, op: Op) -> None:
    """Appends the calls of one operator."""
    LOWERINGS[type(op)](program, op)


def _copy_in(program: Program, number: int) -> None:
    """From the caller's dense buffer into the arena's layout."""
    graph, name = program.graph, program.graph.inputs[number]
    shape = move.CopyShape(*_bytes(program, name), _flips(program, name))
    label = "input" if len(graph.inputs) == 1 else f"input {graph.input_names[number]}"
    source = Pointer("input", 0, number=number)
    program.call(Copy(name, label, inward=True), shape, source, program.pointer(name))


def _copy_out(program: Program, number: int) -> None:
    """From the arena's layout into the caller's dense buffer."""
    graph, name = program.graph, program.graph.outputs[number]
    shape = move.CopyShape(*_bytes(program, name)[::-1], _flips(program, name))
    label = "output" if len(graph.outputs) == 1 else f"output {graph.output_names[number]}"
    target = Pointer("output", 0, number=number)
    program.call(Copy(name, label, inward=False), shape, program.pointer(name), target)


def _bytes(program: Program, name: str) -> tuple[View, View]:
    """The caller's dense tensor and that in the arena, in bytes; float32 as one where it can be."""
    tensor, own = program.graph.tensors[name], program.view(name)
    if not tensor.real:
        return View(*tensor.shape, tensor.width * tensor.channels, tensor.channels), own
    sizes = (own.height, own.width, own.channels * tensor.item)
    if own.contiguous and own.pixel == own.channels:
        sizes = (1, 1, prod(sizes))
    dense = View(*sizes, sizes[1] * sizes[2], sizes[2])
    return dense, dense if sizes[0] == 1 else View(*sizes, 4 * own.row, 4 * own.pixel)


def _flips(program: Program, name: str) -> bool:
    return program.isa.offset != 0 and not program.graph.tensors[name].real
