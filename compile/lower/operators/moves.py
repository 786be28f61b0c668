"""Moves of stored values: selections, transposes, reshapes, concatenations, constants."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ...graph import Concat, Constant, Enter, Move, Select
from ...kernels.frame import View, rounded
from ...kernels.move import CopyShape
from ...kernels.moves.nest import Axis, NestShape, joined
from ...kernels.moves.select import MOST_RUNS, Run, SelectShape
from ..layout import CHANNEL_ALIGNMENT
from ..places import Axes, of_view, paired, permuted, progression
from ..program import Pointer, Program


def lower_concat(program: Program, op: Concat) -> None:
    """Appends a copy for each part, where the parts are no adjacent writes."""
    if op.output not in program.layout.materialised:
        return
    item = program.graph.tensors[op.output].item
    whole, target = program.pointer(op.output), program.view(op.output)
    step = (target.row, target.pixel, 1)[op.axis] * item
    start = 0
    for name in op.inputs:
        source = program.view(name)
        pointer = Pointer("arena", whole.offset + start * step, whole.piece)
        axes = _side_by_side(source, target)
        program.call(op.ref, NestShape(axes, item), program.pointer(name), pointer)
        start += program.graph.tensors[name].shape[op.axis]


def _side_by_side(x: View, y: View) -> tuple[Axis, ...]:
    """``x`` at its place in the layout of ``y``; what fills up pixels of whole vectors too."""
    whole = rounded(x.channels, CHANNEL_ALIGNMENT)
    channels = whole if x.channels == y.channels and x.pixel == y.pixel == whole else x.channels
    rows, columns = Axis(x.height, x.row, y.row), Axis(x.width, x.pixel, y.pixel)
    return joined([rows, columns, Axis(channels, 1, 1)])


def lower_enter(program: Program, op: Enter) -> None:
    """Appends the copy of some rows of the caller's dense tensor."""
    source, y = program.graph.tensors[op.inputs[0]], program.view(op.output)
    row = source.width * source.channels
    shape = CopyShape(replace(y, row=row, pixel=source.channels), y, program.isa.offset != 0)
    number = program.graph.inputs.index(source.name)
    pointer = Pointer("input", op.first * row, number=number)
    program.call(op.ref, shape, pointer, program.pointer(op.output))


def lower_move(program: Program, op: Move) -> None:
    """Appends one nest of loops, or up to three through dense scratch memory."""
    x, y = (of_view(program.view(name)) for name in (op.inputs[0], op.output))
    tensor = program.graph.tensors[op.output]
    count = prod(op.shape)
    flat: Axes = [(count, 1)]

    def turned(x: Axes, y: Axes) -> list[Axis] | None:
        return permuted(x, op.shape, op.order, y)

    ways = [
        [turned(x, y)],
        [turned(x, flat), paired(flat, y)],
        [paired(x, flat), turned(flat, y)],
        [paired(x, flat), turned(flat, flat), paired(flat, y)],
    ]
    nests = next(found for way in ways if len(found := [n for n in way if n]) == len(way))
    places = [program.pointer(op.inputs[0]), program.pointer(op.output)]
    if len(nests) > 1:
        words = -(-count * tensor.item // 4)
        spare = program.scratch(op, (len(nests) - 1) * words)
        between = [Pointer("arena", 4 * words * n, spare.piece) for n in range(len(nests) - 1)]
        places[1:1] = between
    for axes, source, target in zip(nests, places, places[1:], strict=False):
        program.call(op.ref, NestShape(joined(axes), tensor.item), source, target)


def lower_select(program: Program, op: Select) -> None:
    """Appends a nest of loops where the places are regular, else tables of them."""
    x, y = program.view(op.inputs[0]), program.view(op.output)
    tensor = program.graph.tensors[op.output]
    strides = x.row, x.pixel, 1
    tables = [
        np.where(index < 0, -1, index * stride).astype(np.int32)
        for index, stride in zip((op.rows, op.columns, op.channels), strides, strict=True)
    ]
    axes = _regular(tables, y)
    source, target = program.pointer(op.inputs[0]), program.pointer(op.output)
    if axes is not None:
        first = sum(int(table[0]) for table in tables)
        program.call(op.ref, NestShape(axes, tensor.item, first), source, target)
        return
    runs = _runs(op.channels)
    runs = runs if len(runs) <= MOST_RUNS else ()
    fill = np.array([op.fill], np.float32)
    if not tensor.real:
        fill = np.array([int(op.fill) + program.isa.offset]).astype(np.uint8)
    program.call(
        op.ref,
        SelectShape(x, y, runs, tensor.item),
        source,
        program.constant(tables[0]),
        program.constant(tables[1]),
        program.constant(np.zeros(1, np.int32) if runs else tables[2]),
        program.constant(fill),
        target,
    )


def _regular(tables: list[np.ndarray], y: View) -> tuple[Axis, ...] | None:
    """The nest of loops that tables of places are, if they are one."""
    found: list[Axis] = []
    for table, (size, stride) in zip(tables, of_view(y), strict=True):
        parts = None if (table < 0).any() else progression(table)
        pairs = None if parts is None else paired(parts, [(size, stride)])
        if pairs is None:
            return None
        found += pairs
    return joined(found)


def _runs(channels: np.ndarray) -> tuple[Run, ...]:
    """Channels that follow each other in the source, or are in none, together."""
    found: list[Run] = []
    for channel in map(int, channels):
        last = found[-1] if found else None
        if last and channel == (last.source + last.count if last.source >= 0 else -1):
            found[-1] = Run(last.source, last.count + 1)
        else:
            found.append(Run(max(channel, -1), 1))
    return tuple(found)


def lower_constant(program: Program, op: Constant) -> None:
    """Puts the values among the constants, laid out as the arena would hold them."""
    tensor, view = program.graph.tensors[op.output], program.view(op.output)
    root = program.layout.roots[op.output]
    offset = 0 if tensor.real else program.isa.offset
    whole = np.full(root.bytes, ((root.fill or 0) + offset) & 0xFF, np.uint8)
    kind = np.dtype(np.float32 if tensor.real else np.uint8)
    places = np.ndarray(
        tensor.shape, kind, whole.data, root.interior,
        tuple(stride * tensor.item for stride in (view.row, view.pixel, 1)),
    )  # fmt: skip
    places[:] = op.values if tensor.real else (op.values.astype(np.int16) + offset).astype(np.uint8)
    program.stored[op.output] = program.constant(whole)
