"""Folds a float ONNX network into the few operators an int8 compiler should see.

Before: what the exporter wrote (Identity, Constant, BatchNormalization, Slice, 1x1 depthwise).
After: Conv, PRelu, Add, Concat, pools, Gemm and what the network itself uses. Same function up to
float rounding; ``fold`` is the table of contents, one function a rewrite.
"""

from __future__ import annotations

import onnx

from ..graph import Graph
from .affine import fold_affine, plain_gemms
from .batch_norm import fold_batch_norms
from .clips import make_clips
from .constants import drop_identities, fold_constants, store_constants
from .merge import merge_added_convs
from .names import name_weights
from .pointwise import fold_pointwise_depthwise
from .slices import fold_shifted_slices


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A folded copy of the float network ``model``; every node must have a name of its own."""
    graph = Graph.open(model)
    fold_constants(graph)
    drop_identities(graph, "Identity", "Dropout")
    plain_gemms(graph)
    fold_batch_norms(graph)
    fold_affine(graph)
    make_clips(graph)
    fold_pointwise_depthwise(graph)
    fold_shifted_slices(graph)
    merge_added_convs(graph)
    name_weights(graph)
    return graph.build()


def fold_norms(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of any file's ``model`` in which batch norms behind layers are folded.

    What rewrites a batch norm as two operators rounds twice; in the weights it rounds once.
    """
    inner = any(a.HasField("g") or a.graphs for node in model.graph.node for a in node.attribute)
    if inner or model.functions or model.graph.sparse_initializer:
        return model
    graph = Graph.open(model)
    store_constants(graph)
    drop_identities(graph, "Identity")
    fold_batch_norms(graph)
    return graph.build()


__all__ = ["fold", "fold_norms"]
