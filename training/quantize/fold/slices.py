"""A branch that starts one row and column later is a convolution with one tap."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from ..graph import Graph, set_attribute
from .linear import set_weights
from .pointwise import is_conv


def fold_shifted_slices(graph: Graph) -> None:
    """Rewrites ``x[:, :, 1:, 1:]`` before a stride-2 1x1 Conv as a 2x2 Conv with one tap.

    The only non-zero tap is (1, 1). Both read pixels 1, 3, 5.. and write (size - 2) // 2 + 1 of
    them, for even and odd sizes.
    """
    for conv in list(graph.nodes):
        if not is_conv(graph, conv, kernel=1, group=1, stride=2):
            continue
        source, axes = conv.input[0], set()
        slices = []
        while (maker := graph.producer(source)) is not None and (axis := _shift(graph, maker)):
            axes |= axis
            slices.append(maker)
            source = maker.input[0]
        if axes != {2, 3}:
            continue
        weight = graph.weights[conv.input[1]]
        padded = np.zeros((*weight.shape[:2], 2, 2))
        padded[:, :, 1, 1] = weight[:, :, 0, 0]
        bias = graph.weights[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(weight))
        conv.input[0] = source
        set_attribute(conv, "kernel_shape", [2, 2])
        set_weights(graph, conv, padded, bias)
        for node in slices:
            if not graph.consumers(node.output[0]) and not graph.is_output(node.output[0]):
                graph.drop(node)


def _shift(graph: Graph, node: NodeProto) -> set[int]:
    """The axes that ``node`` cuts the first row or column off; empty if it does anything else."""
    known = all(name in graph.weights for name in node.input[1:])
    if node.op_type != "Slice" or len(node.input) < 4 or not known:
        return set()
    starts, ends, axes, *steps = (graph.weights[name].tolist() for name in node.input[1:])
    whole = all(start == 1 and end >= 2**31 - 1 for start, end in zip(starts, ends, strict=True))
    whole = whole and all(step == 1 for values in steps for step in values)
    return set(axes) if whole else set()
