"""Batch norms in front of nothing but constants: into the layer before them, in float64."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, helper

from ..graph import Graph, attributes
from .linear import scale_producer, set_weights


def fold_batch_norms(graph: Graph) -> None:
    """Folds each batch norm into the layer before it, through a Concat if need be.

    Where no linear layer stands before it (after a pool), one of a map becomes a 1x1 depthwise
    Conv. Others stay, and so does one that computes statistics of its own.
    """
    for node in [n for n in graph.nodes if n.op_type == "BatchNormalization"]:
        has = attributes(node)
        computes = has.get("training_mode", 0) or len(node.output) > 1
        if computes or any(name not in graph.weights for name in node.input[1:5]):
            continue
        gamma, beta, mean, variance = (
            graph.weights[name].astype(np.float64) for name in node.input[1:5]
        )
        scale = gamma / np.sqrt(variance + has.get("epsilon", 1e-5))
        shift = beta - mean * scale
        if scale_producer(graph, node.input[0], scale, shift):
            graph.bypass(node)
        elif len(graph.shapes.get(node.input[0], ())) == 4:
            _become_depthwise(graph, node, scale, shift)


def _become_depthwise(graph: Graph, node: NodeProto, scale: np.ndarray, shift: np.ndarray) -> None:
    conv = helper.make_node(
        "Conv",
        [node.input[0]],
        list(node.output),
        name=node.name,
        kernel_shape=[1, 1],
        strides=[1, 1],
        pads=[0, 0, 0, 0],
        dilations=[1, 1],
        group=len(scale),
    )
    node.CopyFrom(conv)
    set_weights(graph, node, scale.reshape(-1, 1, 1, 1), shift)
