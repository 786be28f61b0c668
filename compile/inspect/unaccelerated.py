"""What a compiled model does the slow way, and why: passes of their own, copies, float rescales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..graph import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Graph,
    Op,
    Pool,
    RealBinary,
    RealConv,
    RealUnary,
    Rescale,
    Table,
)
from ..kernels import elementwise, families
from ..kernels.conv.shape import ConvShape
from ..kernels.depthwise.shape import DepthwiseShape
from ..kernels.lookup import plain
from ..kernels.lookup.shape import TableShape
from ..lower.layout import CHANNEL_ALIGNMENT
from ..lower.operators.conv import lines_of
from ..lower.program import Border, Copy, Program, Served

REAL = RealUnary | RealBinary | RealConv
OWN_PASS = "{} as a pass of its own"
NO_KERNEL = "there is no vector kernel for it"


@dataclass(frozen=True)
class Note:
    """One operator (or copy) of the program that could be faster but for ``why``."""

    operator: Served
    what: str
    why: str


def notes(program: Program) -> list[Note]:
    """All of them, in execution order."""
    graph = program.graph
    shapes = {call.of: program.kernels[call.kernel] for call in program.calls}
    found = []
    for served in dict.fromkeys(of.whole for of in shapes):
        if isinstance(served, Copy):
            end = "input" if served.inward else "output"
            found.append(Note(served, "copy", f"the caller's {end} is dense, the arena is not"))
        elif isinstance(served, Border):
            why = "the arena's bytes belong to other tensors before"
            found.append(Note(served, "border of a padded tensor filled on every run", why))
    for op in graph.ops:
        slow = _of(program, op, shapes.get(op.ref))
        found += [Note(op.ref.whole, what, why) for what, why in slow]
    return list(dict.fromkeys(found))


def _of(program: Program, op: Op, shape: object) -> Iterator[tuple[str, str]]:
    graph = program.graph
    if isinstance(op, Rescale):
        if _is_copy(graph, op):
            yield "copy", "a padded maximum, or the output, needs a tensor of its own"
            return
        yield OWN_PASS.format("activation"), _why_no_activation(graph, op)
        if isinstance(shape, elementwise.RescaleShape):
            product = bool(program.isa.bytes)
            yield (
                "rescale in float",
                "no 16-bit factors give the same bytes" if product
                else "the target's kernels have no rounding 16-bit product",
            )  # fmt: skip
    elif isinstance(op, Add):
        yield OWN_PASS.format("add"), _why_no_add(graph, op)
    elif isinstance(op, Concat) and op.output in program.layout.materialised:
        yield "concatenation copied", _why_copied(graph, op)
    elif isinstance(op, Table):
        if isinstance(shape, TableShape) and families.of(program.isa, shape) is plain:
            reason = "each channel has a table of its own" if shape.apart else NO_KERNEL
            yield "table looked up value by value", reason
    elif isinstance(op, ArgMax):
        yield "largest channel sought value by value", NO_KERNEL
    elif isinstance(op, REAL) or (isinstance(op, Pool) and _real(graph, op)):
        yield "computed in float32", "the file has no quantisation around it"
    elif isinstance(op, Conv):
        yield from _of_conv(program, op, shape)


def _of_conv(program: Program, op: Conv, shape: object) -> Iterator[tuple[str, str]]:
    graph = program.graph
    if isinstance(shape, ConvShape | DepthwiseShape):
        family, rounding = families.of(program.isa, shape), shape.rounding
        line = rounding.line
        integers = rounding.fixed or rounding.real or (line is not None and not line.mixed)
        if family.FRACTION and not integers:
            found = lines_of(program, op, family)
            lacking = len(op.weight) - (int(found.exact.sum()) if found else 0)
            yield (
                "rescale in float",
                f"no integers give the same bytes for {lacking} of {len(op.weight)} channels",
            )
    if op.groups > 1 and _foreign(shape):
        inputs, outputs = graph.tensors[op.inputs[0]].channels, len(op.weight)
        sizes = f"{inputs // op.groups} to {outputs // op.groups}"
        yield (
            "grouped convolution run as a dense one",
            f"groups of {sizes} channels do not fall on blocks of "
            f"{families.instructions(program.isa, shape).lanes}",
        )


def _real(graph: Graph, op: Op) -> bool:
    return graph.tensors[op.output].real


def _foreign(shape: object) -> bool:
    """Whether a convolution's blocks read every input, those of foreign groups as well."""
    return isinstance(shape, ConvShape) and not shape.reads.advance


def _is_copy(graph: Graph, op: Rescale) -> bool:
    same = graph.tensors[op.inputs[0]].quantisation == graph.tensors[op.output].quantisation
    return same and bool(np.all(op.scale == 1) and np.all(op.negative_scale == 1))


def _why_no_activation(graph: Graph, op: Rescale) -> str:
    """The condition of passes/fold_activation.py that failed."""
    source = op.inputs[0]
    producer = graph.producers().get(source)
    if not isinstance(producer, Conv):
        return f"its source {_source(producer)}"
    if producer.add is not None:
        return "its source comes from add, not from a convolution"
    if len(graph.consumers()[source]) > 1 or source in graph.outputs:
        return "its source has other readers"
    if producer.activation is not None:
        return "the convolution before it has an activation already"
    return "its positive slopes differ"


def _why_no_add(graph: Graph, op: Add) -> str:
    """The condition of passes/fuse_add.py that failed."""
    if op.inputs[0] == op.inputs[1]:
        return "it adds a tensor to itself"
    order = {other.output: index for index, other in enumerate(graph.ops)}
    later = max(op.inputs, key=lambda name: order.get(name, -1))
    producer = graph.producers().get(later)
    if not isinstance(producer, Conv):
        return f"its later operand {_source(producer)}"
    if len(graph.consumers()[later]) > 1 or later in graph.outputs:
        return "its later operand has other readers"
    return "the convolution before it adds already"


def _why_copied(graph: Graph, op: Concat) -> str:
    """The condition of layout.py that failed."""
    if op.axis != 2:
        return "its parts are rows or columns side by side, not channels"
    parts = [graph.tensors[name] for name in op.inputs]
    if any(part.channels % CHANNEL_ALIGNMENT for part in parts[:-1]):
        return f"its parts are no multiples of {CHANNEL_ALIGNMENT} channels"
    if len(set(op.inputs)) < len(op.inputs):
        return "one tensor stands in it twice"
    if set(graph.inputs) & set(op.inputs):
        return "the network's input is one of its parts"
    if graph.stored() & set(op.inputs):
        return "one of its parts is constant"
    others = [o for o in graph.ops if isinstance(o, Concat) and o is not op]
    if any(name in other.inputs for other in others for name in op.inputs):
        return "a part belongs to another concatenation"
    return "a padded maximum reads one of its parts"


def _source(producer: Op | None) -> str:
    if producer is None:
        return "is the network's input"
    return f"comes from {type(producer).__name__.lower()}, not from a convolution"
