"""Folds a ReLU or clip between tensors of one scale into the clamp of the operator before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import Add, Conv, Graph, Multiply, Op, Rescale

ROUNDED = (Conv, Add, Multiply, Rescale)
"""Operators that clamp their result where it has been rounded, in steps from the zero point."""


def run(graph: Graph) -> Graph:
    """``op -> rescale`` by one, of which nothing but the ends of its range is left, is one ``op``.

    Quantisers put such a pair around a ReLU; a clamp of a clamp is a clamp, so no byte changes.
    """
    consumers = graph.consumers()
    ops: list[Op] = []
    position: dict[str, int] = {}
    for op in graph.ops:
        first = op.inputs[0] if op.inputs else None
        before = ops[position[first]] if first in position else None
        if (
            isinstance(op, Rescale)
            and isinstance(before, ROUNDED)
            and np.all(op.scale == 1)
            and np.isin(op.negative_scale, (0, 1)).all()
            and np.all(op.negative_scale == op.negative_scale[0])
            and len(consumers[before.output]) == 1
            and before.output not in graph.outputs
        ):
            zero = graph.tensors[op.output].zero_point
            moved = zero - graph.tensors[before.output].zero_point
            least = op.low if op.negative_scale[0] else max(op.low, min(zero, op.high))
            low, high = (
                int(np.clip(end + moved, least, op.high)) for end in (before.low, before.high)
            )
            index = position.pop(before.output)
            ops[index] = replace(before, output=op.output, low=low, high=high)
            position[op.output] = index
            continue
        position[op.output] = len(ops)
        ops.append(op)
    return graph.with_ops(ops)
