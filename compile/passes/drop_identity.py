"""Removes copies: a rescale by one between tensors of the same quantisation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import INT8_MAX, INT8_MIN, Graph, Op, Rescale


def run(graph: Graph) -> Graph:
    """Readers of a copy read its source instead; a copy that is the graph's output stays."""
    renamed: dict[str, str] = {}
    ops: list[Op] = []
    for op in graph.ops:
        op = replace(op, inputs=tuple(renamed.get(name, name) for name in op.inputs))
        if isinstance(op, Rescale) and op.output not in graph.outputs and _is_copy(graph, op):
            renamed[op.output] = op.inputs[0]
            continue
        ops.append(op)
    return graph.with_ops(ops)


def _is_copy(graph: Graph, op: Rescale) -> bool:
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    return (
        source.quantisation == target.quantisation
        and (op.low, op.high) == (INT8_MIN, INT8_MAX)
        and bool(np.all(op.scale == 1) and np.all(op.negative_scale == 1))
    )
