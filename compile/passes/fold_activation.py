"""Folds a PReLU, ReLU or requantisation behind a convolution into its rescale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import INT8_MAX, INT8_MIN, Conv, Graph, Op, Rescale


def run(graph: Graph) -> Graph:
    """``conv -> rescale`` with no other reader becomes one ``conv`` with a scale per sign.

    One rounding instead of two: the intermediate int8 value of the file is never formed, so the
    result is within 1 LSB of the file's, but for values that saturate in between: those keep more
    of the float model's range here, since the clamp is one for all channels.
    """
    consumers = graph.consumers()
    ops: list[Op] = []
    position: dict[str, int] = {}
    for op in graph.ops:
        index = position.get(op.inputs[0]) if isinstance(op, Rescale) else None
        if index is not None and _foldable(graph, ops[index], consumers):
            conv = ops[index]
            assert isinstance(conv, Conv) and isinstance(op, Rescale)
            factor = conv.scale.astype(np.float64)
            low, high = _saturation(graph, op)
            ops[index] = replace(
                conv,
                output=op.output,
                low=max(low, op.low),
                high=min(high, op.high),
                scale=(factor * op.scale).astype(np.float32),
                negative_scale=(factor * op.negative_scale).astype(np.float32),
            )
            position[op.output] = index
            continue
        position[op.output] = len(ops)
        ops.append(op)
    return graph.with_ops(ops)


def _saturation(graph: Graph, op: Rescale) -> tuple[int, int]:
    """The results of an intermediate value at either end of int8: what the file cannot exceed."""
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    ends = [
        (end - source.zero_point) * scale.astype(np.float64)
        for end in (INT8_MIN, INT8_MAX)
        for scale in (op.negative_scale if end < source.zero_point else op.scale,)
    ]
    low = int(np.floor(min(end.min() for end in ends))) + target.zero_point
    high = int(np.ceil(max(end.max() for end in ends))) + target.zero_point
    return max(low, INT8_MIN), min(high, INT8_MAX)


def _foldable(graph: Graph, op: Op, consumers: dict[str, list[Op]]) -> bool:
    return (
        isinstance(op, Conv)
        and op.negative_scale is None
        and op.add is None
        and (op.low, op.high) == (INT8_MIN, INT8_MAX)
        and len(consumers[op.output]) == 1
        and op.output != graph.output
    )
