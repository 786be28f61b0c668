"""A 1x1 depthwise convolution goes into the dense 1x1 convolution behind it."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from ..graph import Graph, attributes, set_attribute
from .linear import set_weights


def fold_pointwise_depthwise(graph: Graph) -> None:
    """Multiplies a 1x1 depthwise Conv (any stride) into the dense 1x1 Conv that alone reads it."""
    for first in list(graph.nodes):
        if not is_conv(graph, first, kernel=1) or attributes(first).get("group", 1) == 1:
            continue
        second = graph.only_consumer(first.output[0])
        if second is None or not is_conv(graph, second, kernel=1, group=1, stride=1):
            continue
        inner = graph.weights[first.input[1]].astype(np.float64)
        if inner.shape[1] != 1 or inner.shape[0] != attributes(first)["group"]:
            continue
        outer = graph.weights[second.input[1]].astype(np.float64)
        bias = np.zeros(outer.shape[0])
        if len(second.input) > 2:
            bias += graph.weights[second.input[2]]
        if len(first.input) > 2:
            bias += outer[:, :, 0, 0] @ graph.weights[first.input[2]]
        set_attribute(second, "strides", attributes(first).get("strides", [1, 1]))
        second.input[0] = first.input[0]
        set_weights(graph, second, outer * inner[None, :, 0], bias)
        graph.drop(first)


def is_conv(
    graph: Graph, node: NodeProto, kernel: int, group: int | None = None, stride: int | None = None
) -> bool:
    """Whether ``node`` is an unpadded square Conv of constant weights and the given geometry."""
    if node.op_type != "Conv" or any(name not in graph.weights for name in node.input[1:]):
        return False
    has = attributes(node)
    return (
        list(graph.weights[node.input[1]].shape[2:]) == [kernel, kernel]
        and not any(has.get("pads", [0]))
        and (group is None or has.get("group", 1) == group)
        and (stride is None or list(has.get("strides", [1, 1])) == [stride, stride])
    )
