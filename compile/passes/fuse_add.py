"""Fuses an add into the convolution that makes its later operand: one write instead of two."""

from __future__ import annotations

from dataclasses import replace

from ..graph import Add, Conv, FusedAdd, Graph, Op


def run(graph: Graph) -> Graph:
    """``add(conv(x), b)`` becomes ``conv(x) + b`` where the conv's result has no other reader."""
    consumers = graph.consumers()
    ops: list[Op] = []
    position = dict.fromkeys(graph.inputs, -1)
    for op in graph.ops:
        if isinstance(op, Add) and op.inputs[0] != op.inputs[1]:
            first = position[op.inputs[0]] > position[op.inputs[1]]
            own, other = op.inputs if first else op.inputs[::-1]
            conv = ops[position[own]]
            if (
                isinstance(conv, Conv)
                and conv.add is None
                and len(consumers[own]) == 1
                and own not in graph.outputs
            ):
                total = op.sum if first else op.sum.swapped()
                ops[position[own]] = replace(
                    conv,
                    inputs=(conv.inputs[0], other),
                    output=op.output,
                    low=op.low,
                    high=op.high,
                    add=FusedAdd(total, graph.tensors[own].zero_point, conv.low, conv.high),
                )
                position[op.output] = position[own]
                continue
        position[op.output] = len(ops)
        ops.append(op)
    return graph.with_ops(ops)
