"""Moves every operator to right before its result is first needed, where that holds less memory.

A result that waits occupies the arena; so do the operands of an operator that waits, unless others
read them later anyway. Parts of a concatenation are one piece of arena from the first write on, so
there a part waits for the last one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph import Concat, Graph, Op


def run(graph: Graph) -> Graph:
    """The same operators in another order: from the last to the first, each as late as it pays."""
    consumers = graph.consumers()
    ops = list(graph.ops)
    for op in reversed(graph.ops):
        target = _needed(op, ops, consumers)
        place = _index(ops, op)
        if target is None or target <= place + 1:
            continue
        held = sum(
            _bytes(graph, name)
            for name in dict.fromkeys(op.inputs)
            if all(_index(ops, reader) < target for reader in consumers[name] if reader is not op)
        )
        # The network's input is in the arena from the start: what reads it lets it go early.
        if set(graph.inputs) & set(op.inputs) or held > _bytes(graph, op.output):
            continue
        ops.insert(target, op)
        del ops[place]
    return graph.with_ops(ops)


def _needed(op: Op, ops: list[Op], consumers: Mapping[str, Sequence[Op]]) -> int | None:
    """Index of the first operator that waits for the result of ``op``."""
    readers = consumers[op.output]
    if not readers:
        return None
    first = min(readers, key=lambda reader: _index(ops, reader))
    if isinstance(first, Concat):
        parts = [other for other in ops if other.output in first.inputs and other is not op]
        later = [_index(ops, part) for part in parts if _index(ops, part) > _index(ops, op)]
        return max(later, default=_index(ops, first))
    return _index(ops, first)


def _index(ops: list[Op], op: Op) -> int:
    return next(index for index, other in enumerate(ops) if other is op)


def _bytes(graph: Graph, name: str) -> int:
    return 0 if name in graph.stored() else graph.tensors[name].bytes
