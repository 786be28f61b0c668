"""Inputs that enter the arena by an operator, so that it may be done strip by strip."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Enter, Graph, Op, unused


def run(graph: Graph) -> Graph:
    """``graph`` whose int8 inputs are read from the caller's memory by ``Enter`` alone."""
    tensors = dict(graph.tensors)
    moved: dict[str, str] = {}
    entries: list[Op] = []
    for name in graph.inputs:
        if tensors[name].real or name in graph.outputs or not graph.consumers()[name]:
            continue
        own = unused(f"{name} in the arena", tensors)
        tensors[own] = replace(tensors[name], name=own)
        label = unused(f"entry of {name}", {op.name for op in graph.ops})
        entries.append(Enter(name=label, inputs=(name,), output=own))
        moved[name] = own
    ops = [
        replace(op, inputs=tuple(moved.get(name, name) for name in op.inputs)) for op in graph.ops
    ]
    return graph.with_ops([*entries, *ops], tensors)
