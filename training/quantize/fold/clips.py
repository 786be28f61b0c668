"""Max and Min with a number are a Clip, and two of them one."""

from __future__ import annotations

import math

import numpy as np
from onnx import NodeProto, helper

from ..graph import Graph

Bounds = tuple[float, float]


def make_clips(graph: Graph) -> None:
    """Rewrites Max, Min and chains of them and of Clip; of nothing below 0 they are a Relu."""
    for node in list(graph.nodes):
        found = _bounds(graph, node)
        if found is None:
            continue
        x, (low, high) = found
        maker = graph.producer(x)
        inner = _bounds(graph, maker) if maker is not None else None
        joined = inner is not None and graph.only_consumer(x) is not None
        if inner is not None and joined:
            x, (least, most) = inner
            low, high = max(least, low), min(most, high)
        if low > high or (node.op_type in ("Clip", "Relu") and not joined):
            continue
        if inner is not None and joined and maker is not None:
            graph.drop(maker)
        _become_clip(graph, node, x, low, high)


def _bounds(graph: Graph, node: NodeProto) -> tuple[str, Bounds] | None:
    """What a node clips and between which numbers; None if it does anything else."""
    if node.op_type == "Relu":
        return node.input[0], (0.0, math.inf)
    if node.op_type == "Clip":
        ends = []
        for index, free in ((1, -math.inf), (2, math.inf)):
            name = node.input[index] if len(node.input) > index else ""
            if name and (name not in graph.weights or graph.weights[name].size != 1):
                return None
            ends.append(float(graph.weights[name].item()) if name else free)
        return node.input[0], (ends[0], ends[1])
    if node.op_type not in ("Max", "Min") or len(node.input) != 2:
        return None
    numbers = [name in graph.weights and graph.weights[name].size == 1 for name in node.input]
    if sum(numbers) != 1 or node.input[numbers.index(False)] in graph.weights:
        return None
    values = graph.weights[node.input[numbers.index(True)]]
    x = node.input[numbers.index(False)]
    if values.ndim > len(graph.shapes.get(x, ())) or not np.isfinite(values.item()):
        return None
    bound = float(values.item())
    return x, ((bound, math.inf) if node.op_type == "Max" else (-math.inf, bound))


def _become_clip(graph: Graph, node: NodeProto, x: str, low: float, high: float) -> None:
    if (low, high) == (0.0, math.inf):
        node.CopyFrom(helper.make_node("Relu", [x], node.output, node.name))
        return
    names = []
    for kind, bound in (("low", low), ("high", high)):
        name = graph.own_name(f"{node.output[0]}.{kind}") if math.isfinite(bound) else ""
        if name:
            graph.weights[name] = np.array(bound, np.float32)
        names.append(name)
    while not names[-1]:
        names.pop()
    node.CopyFrom(helper.make_node("Clip", [x, *names], node.output, node.name))
