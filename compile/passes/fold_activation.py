"""Folds a PReLU, ReLU or requantisation behind a convolution into its rescale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..graph import Conv, FusedActivation, Graph, Op, Rescale


def run(graph: Graph) -> Graph:
    """``conv -> rescale`` with no other reader becomes one ``conv``: one write instead of two.

    The int8 value that the file asks for in between is still formed, in registers: no byte changes.
    """
    consumers = graph.consumers()
    ops: list[Op] = []
    position: dict[str, int] = {}
    for op in graph.ops:
        index = position.get(op.inputs[0], len(ops)) if op.inputs else len(ops)
        conv = ops[index] if index < len(ops) else None
        if (
            isinstance(op, Rescale)
            and isinstance(conv, Conv)
            and np.all(op.scale == op.scale[0])
            and _foldable(graph, conv, consumers)
        ):
            own = graph.tensors[conv.output]
            ops[index] = replace(
                conv,
                output=op.output,
                low=op.low,
                high=op.high,
                activation=FusedActivation(
                    op.scale[0], op.negative_scale, own.zero_point, conv.low, conv.high
                ),
            )
            position[op.output] = index
            continue
        position[op.output] = len(ops)
        ops.append(op)
    return graph.with_ops(ops)


def _foldable(graph: Graph, conv: Conv, consumers: Mapping[str, Sequence[Op]]) -> bool:
    return (
        conv.activation is None
        and conv.add is None
        and len(consumers[conv.output]) == 1
        and conv.output not in graph.outputs
    )
