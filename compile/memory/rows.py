"""Runs chains of operators strip by strip, so that what is between them never exists as a whole.

Rows that windows share are computed twice, once in either strip. ``strips.py`` chooses
which tensors are between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..graph import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Dequantise,
    Enter,
    Graph,
    LayerNorm,
    Multiply,
    Op,
    Pool,
    Quantise,
    RealBinary,
    RealUnary,
    Rescale,
    Rows,
    Softmax,
    Stack,
    Table,
    Tensor,
    unused,
)

Range = tuple[int, int]
"""Rows from the first to before the second."""


def run(graph: Graph, between: frozenset[str], strips: int) -> Graph | None:
    """``graph`` with its tensors ``between`` in ``strips`` parts, or None where that has no order.

    Chains are the operators that tensors of ``between`` join. None also where the results of a
    chain differ in height.
    """
    joined = chains(graph, between)
    tensors = dict(graph.tensors)
    ops: list[Op] = []
    # A chain comes when its last operator would: all that it reads is there by then.
    waiting = [op for op in graph.ops if op is joined[op.output][-1]]
    written = set(graph.inputs)
    while waiting:
        for op in waiting:
            chain = joined[op.output]
            inside = {member.output for member in chain}
            if all(name in written or name in inside for m in chain for name in m.inputs):
                break
        else:
            return None
        waiting.remove(op)
        written |= inside
        if len(chain) == 1:
            ops += chain
            continue
        results = [member.output for member in chain if member.output not in between]
        if len({tensors[name].height for name in results}) > 1:
            return None
        ops += _strips(graph, chain, results, strips, tensors)
    return graph.with_ops(ops, tensors)


def possible(graph: Graph, name: str) -> bool:
    """Whether a tensor can be between: all that write and read it work row by row."""
    readers = graph.consumers()[name]
    producer = graph.producers().get(name)
    if name in graph.outputs or producer is None or not readers:
        return False
    return all(_by_row(graph, op) for op in (producer, *readers))


def _by_row(graph: Graph, op: Op) -> bool:
    if isinstance(op, Conv | Pool):
        top, _, bottom, _ = op.pads
        # A window that sees nothing but padding has no rows to ask for.
        return max(top, bottom) < op.kernel[0] < graph.tensors[op.inputs[0]].height
    if isinstance(op, Multiply | RealBinary):
        return len({graph.tensors[name].shape for name in op.inputs}) == 1
    if isinstance(op, Concat):
        return op.axis == 2
    row_by_row = (
        Enter
        | Rescale
        | Add
        | Table
        | Quantise
        | Dequantise
        | RealUnary
        | Softmax
        | LayerNorm
        | ArgMax
    )
    return isinstance(op, row_by_row)


def chains(graph: Graph, between: frozenset[str]) -> dict[str, list[Op]]:
    """By the result of each operator: those it is joined with, in order."""
    found = {op.output: [op] for op in graph.ops}
    place = {op.output: index for index, op in enumerate(graph.ops)}
    for name in sorted(between, key=place.__getitem__):
        for reader in graph.consumers()[name]:
            one, other = found[name], found[reader.output]
            if one is not other:
                both = sorted(one + other, key=lambda op: place[op.output])
                found |= {op.output: both for op in both}
    return found


def _strips(
    graph: Graph, chain: list[Op], results: list[str], count: int, tensors: dict[str, Tensor]
) -> Iterator[Op]:
    """The operators of a chain for each strip of its results; adds their tensors to ``tensors``."""
    height = tensors[results[0]].height
    step = -(-height // count)
    parts: dict[str, list[str]] = {name: [] for name in results}

    def part(name: str, own: str, rows: Range, whole: str | None) -> str:
        own = unused(own, tensors)
        height = rows[1] - rows[0]
        tensors[own] = replace(graph.tensors[name], name=own, height=height, whole=whole)
        return own

    for number, start in enumerate(range(0, height, step)):
        made: dict[str, str] = {}  # what a strip's tensors are called
        needed = _needed(graph, chain, dict.fromkeys(results, (start, min(start + step, height))))
        for op in chain:
            rows = needed[op.output]
            own = replace(op, strip=number)
            inputs = []
            for index, name in enumerate(op.inputs):
                there = needed.get(name, (0, graph.tensors[name].height))
                source = made.get(name, name)
                if index == 0 and isinstance(own, Conv | Pool):
                    own = _moved(own, rows, there)
                elif isinstance(own, Enter):
                    own = replace(own, first=own.first + rows[0])
                elif there != rows:
                    label = f"{name} for input {index} of {op.name} strip {number}"
                    view = part(name, label, rows, whole=None)
                    first = rows[0] - there[0]
                    yield Rows(name=view, inputs=(source,), output=view, first=first)
                    source = view
                inputs.append(source)
            result = part(op.output, f"{op.output} strip {number}", rows, whole=op.output)
            made[op.output] = result
            yield replace(own, inputs=tuple(inputs), output=result)
            if op.output in parts:
                parts[op.output].append(result)
    for op in chain:
        if op.output in parts:
            yield Stack(name=op.name, inputs=tuple(parts[op.output]), output=op.output)


def _needed(graph: Graph, chain: list[Op], needed: dict[str, Range]) -> dict[str, Range]:
    """Rows of each result of a chain, from those of its last ones."""
    inside = {op.output for op in chain}
    for op in reversed(chain):
        for index, name in enumerate(op.inputs):
            if name not in inside:
                continue
            rows = needed[op.output]
            if index == 0 and isinstance(op, Conv | Pool):
                start, stop = _seen(op, rows)
                rows = max(start, 0), min(stop, graph.tensors[name].height)
            if name in needed:
                rows = min(rows[0], needed[name][0]), max(rows[1], needed[name][1])
            needed[name] = rows
    return needed


def _seen(op: Conv | Pool, rows: Range) -> Range:
    """Rows of the input, of its padding too, that the windows of ``rows`` see."""
    start = rows[0] * op.stride[0] - op.pads[0]
    return start, (rows[1] - 1) * op.stride[0] - op.pads[0] + op.kernel[0]


def _moved(op: Conv | Pool, rows: Range, there: Range) -> Conv | Pool:
    """``op`` for some rows of its result, on the rows ``there`` of its input."""
    start, stop = _seen(op, rows)
    op = replace(op, pads=(there[0] - start, op.pads[1], stop - there[1], op.pads[3]))
    if isinstance(op, Pool) and op.scale is not None:
        return replace(op, scale=np.ascontiguousarray(op.scale[slice(*rows)]))
    return op
