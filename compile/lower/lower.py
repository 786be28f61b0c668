"""Lowers a graph: the input's copy, each operator's border and kernel, the output's copy."""

from __future__ import annotations

from typing import Any

from ..graph import (
    Add,
    Concat,
    Conv,
    Graph,
    Multiply,
    Op,
    Pool,
    Rescale,
    Rows,
    Stack,
    Table,
    strip,
    strip_of,
)
from ..kernels import move
from ..kernels.frame import View
from ..kernels.isa.base import Isa
from . import layout as layouts
from .operators.concat import lower_concat
from .operators.conv import lower_conv
from .operators.elementwise import lower_add, lower_multiply, lower_table
from .operators.pool import lower_pool
from .operators.rescale import lower_rescale
from .program import Pointer, Program, Tiles, own_tiles


def lower(graph: Graph, isa: Isa, tiles: Tiles = own_tiles) -> Program:
    """Calls in order: input copy, each operator's border and kernel, output copy."""
    program = Program(graph, isa, layouts.assign(graph), tiles)
    bordered: set[str] = set()

    def border(name: str, at: int | None = None) -> None:
        root_name = program.layout.places[name][0]
        root = program.layout.roots[root_name]
        if root.fill is None or root_name in bordered:
            return
        bordered.add(root_name)
        value = (root.fill + isa.offset) & 0xFF
        shape = move.PadShape(root.height, root.width, root.pixel, root.border, value)
        label = f"{root_name} border"
        if at is not None and strip_of(root_name) is None:
            label = strip(label, at)  # inside a chain all calls are of a strip
        program.call(label, shape, Pointer("arena", 0, root_name))

    border(graph.input)
    _cross(program, graph.input, inward=True)
    for op in graph.ops:
        border(op.output, strip_of(op.name))
        lower_op(program, op)
    _cross(program, graph.output, inward=False)
    return program


def lower_op(program: Program, op: Op) -> None:
    """Appends the calls of one operator."""
    _LOWER[type(op)](program, op)


def _cross(program: Program, name: str, inward: bool) -> None:
    """The copy between the caller's dense int8 buffer and the arena's layout."""
    tensor = program.graph.tensors[name]
    dense = View(*tensor.shape, tensor.width * tensor.channels, tensor.channels)
    inside = program.view(name)
    flip = program.isa.offset != 0
    if inward:
        shape = move.CopyShape(dense, inside, flip, external=True)
        program.call("input", shape, Pointer("input", 0), program.pointer(name))
    else:
        shape = move.CopyShape(inside, dense, flip, external=True)
        program.call("output", shape, program.pointer(name), Pointer("output", 0))


_LOWER: dict[type[Op], Any] = {
    Conv: lower_conv,
    Rescale: lower_rescale,
    Add: lower_add,
    Multiply: lower_multiply,
    Table: lower_table,
    Pool: lower_pool,
    Concat: lower_concat,
    Rows: lambda program, op: None,
    Stack: lambda program, op: None,
}
