"""Gives every padded max-pool its own copy where others need different padding values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import Concat, Conv, Graph, Op, Pool, Rescale, unused


def run(graph: Graph) -> Graph:
    """Convolutions and averages are padded with zero, maxima with the least value: never shared.

    Maps of float32 have no border.
    """
    consumers = graph.consumers()
    joined = {
        name for op in graph.ops if isinstance(op, Concat) for name in (*op.inputs, op.output)
    }
    tensors = dict(graph.tensors)
    nodes = {op.name for op in graph.ops}
    ops: list[Op] = []
    for op in graph.ops:
        name = op.inputs[0] if op.inputs else ""
        bordered = _padded(op) and not tensors[name].real
        if bordered and isinstance(op, Pool) and op.kind == "max":
            others = [reader for reader in consumers[name] if _padded(reader)]
            shared = any(not isinstance(o, Pool) or o.kind != "max" for o in others)
            if shared or name in joined or name in graph.inputs:
                source = tensors[name]
                copy = replace(source, name=unused(f"{name}.for.{op.name}", tensors))
                tensors[copy.name] = copy
                node = unused(f"{op.name}.copy", nodes)
                nodes.add(node)
                ones = np.ones(source.channels, np.float32)
                ops.append(
                    Rescale(
                        name=node,
                        inputs=(name,),
                        output=copy.name,
                        scale=ones,
                        negative_scale=ones,
                    )
                )
                op = replace(op, inputs=(copy.name,))
        ops.append(op)
    return graph.with_ops(ops, tensors)


def _padded(op: Op) -> bool:
    return isinstance(op, Conv | Pool) and any(pad > 0 for pad in op.pads)
