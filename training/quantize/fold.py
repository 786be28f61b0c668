"""Folds a float ONNX network into the few operators an int8 compiler should see.

Before: what the exporter wrote (Identity, Constant, BatchNormalization, Slice, 1x1 depthwise).
After: Conv, PRelu, Add, Concat, pools, Gemm and what the network itself uses. Same function up to
float rounding; ``fold`` is the table of contents, one function a rewrite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from .graph import Graph, attributes, set_attribute
from .merge import merge_added_convs


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A folded copy of the float network ``model``."""
    graph = Graph.open(model)
    fold_constants(graph)
    drop_identities(graph)
    fold_batch_norms(graph)
    fold_pointwise_depthwise(graph)
    fold_shifted_slices(graph)
    merge_added_convs(graph)
    name_weights(graph)
    return graph.build()


def fold_constants(graph: Graph) -> None:
    """Evaluates every node all of whose inputs are initialisers."""
    for node in list(graph.nodes):
        if node.op_type == "Constant":
            graph.weights[node.output[0]] = numpy_helper.to_array(attributes(node)["value"])
        elif node.input and all(name in graph.weights for name in node.input):
            evaluator = ReferenceEvaluator(node, opsets={"": graph.model.opset_import[0].version})
            values: Any = evaluator.run(None, {name: graph.weights[name] for name in node.input})
            graph.weights.update(zip(node.output, values, strict=True))
        else:
            continue
        graph.drop(node)


def drop_identities(graph: Graph) -> None:
    """Removes Identity and Dropout."""
    for node in list(graph.nodes):
        if node.op_type in ("Identity", "Dropout"):
            graph.bypass(node)


def fold_batch_norms(graph: Graph) -> None:
    """Folds each batch norm into the layer before it, through a Concat if need be.

    Where no linear layer stands before it (after a pool), it becomes a 1x1 depthwise Conv.
    """
    for node in [n for n in graph.nodes if n.op_type == "BatchNormalization"]:
        gamma, beta, mean, variance = (
            graph.weights[name].astype(np.float64) for name in node.input[1:5]
        )
        scale = gamma / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        shift = beta - mean * scale
        if _scale_producer(graph, node.input[0], scale, shift):
            graph.bypass(node)
        else:
            _become_depthwise(graph, node, scale, shift)


def _scale_producer(graph: Graph, tensor: str, scale: np.ndarray, shift: np.ndarray) -> bool:
    """Lets the layer behind ``tensor`` write ``scale * tensor + shift``; False if it cannot."""
    layers = _linear_layers(graph, tensor)
    if layers is None:
        return False
    start = 0
    for layer in layers:
        # A Gemm that is not (transB, alpha = beta = 1) is not what the exporter writes.
        weight = graph.weights[layer.input[1]].astype(np.float64)
        end = start + weight.shape[0]
        part = scale[start:end]
        bias = graph.weights[layer.input[2]] if len(layer.input) > 2 else 0.0
        _set_weights(
            graph,
            layer,
            weight * part.reshape(-1, *[1] * (weight.ndim - 1)),
            bias * part + shift[start:end],
        )
        start = end
    return True


def _linear_layers(graph: Graph, tensor: str) -> list[NodeProto] | None:
    """The layers whose output channels make up ``tensor``, each read by nothing else."""
    maker = graph.producer(tensor)
    if maker is None or graph.only_consumer(tensor) is None:
        return None
    if maker.op_type == "Conv":
        return [maker]
    if maker.op_type == "Gemm":
        plain = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}
        return [maker] if plain | attributes(maker) == plain else None
    if maker.op_type == "Concat" and attributes(maker)["axis"] == 1:
        parts = [_linear_layers(graph, name) for name in maker.input]
        if len(set(maker.input)) == len(maker.input) and all(parts):
            return [layer for part in parts if part for layer in part]
    return None


def _set_weights(graph: Graph, layer: NodeProto, weight: np.ndarray, bias: np.ndarray) -> None:
    """Gives ``layer`` its own new weight and bias (initialisers may be shared by the exporter)."""
    names = [f"{layer.output[0]}.weight", f"{layer.output[0]}.bias"]
    for name, array in zip(names, (weight, bias), strict=True):
        graph.weights[name] = array.astype(np.float32)
    del layer.input[1:]
    layer.input.extend(names)


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
    _set_weights(graph, node, scale.reshape(-1, 1, 1, 1), shift)


def fold_pointwise_depthwise(graph: Graph) -> None:
    """Multiplies a 1x1 depthwise Conv (any stride) into the dense 1x1 Conv that alone reads it."""
    for first in list(graph.nodes):
        if not _is_conv(graph, first, kernel=1) or attributes(first)["group"] == 1:
            continue
        second = graph.only_consumer(first.output[0])
        if second is None or not _is_conv(graph, second, kernel=1, group=1, stride=1):
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
        set_attribute(second, "strides", attributes(first)["strides"])
        second.input[0] = first.input[0]
        _set_weights(graph, second, outer * inner[None, :, 0], bias)
        graph.drop(first)


def _is_conv(
    graph: Graph, node: NodeProto, kernel: int, group: int | None = None, stride: int | None = None
) -> bool:
    """Whether ``node`` is an unpadded square Conv of constant weights and the given geometry."""
    if node.op_type != "Conv" or node.input[1] not in graph.weights:
        return False
    has = attributes(node)
    return (
        list(graph.weights[node.input[1]].shape[2:]) == [kernel, kernel]
        and not any(has.get("pads", [0]))
        and (group is None or has.get("group", 1) == group)
        and (stride is None or list(has.get("strides", [1, 1])) == [stride, stride])
    )


def fold_shifted_slices(graph: Graph) -> None:
    """Rewrites ``x[:, :, 1:, 1:]`` before a stride-2 1x1 Conv as a 2x2 Conv with one tap.

    The only non-zero tap is (1, 1). Both read pixels 1, 3, 5.. and write (size - 2) // 2 + 1 of
    them, for even and odd sizes.
    """
    for conv in list(graph.nodes):
        if not _is_conv(graph, conv, kernel=1, group=1, stride=2):
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
        _set_weights(graph, conv, padded, bias)
        for node in slices:
            if not graph.consumers(node.output[0]):
                graph.drop(node)


def _shift(graph: Graph, node: NodeProto) -> set[int]:
    """The axes that ``node`` cuts the first row or column off; empty if it does anything else."""
    if node.op_type != "Slice" or any(name not in graph.weights for name in node.input[1:]):
        return set()
    starts, ends, axes, *steps = (graph.weights[name].tolist() for name in node.input[1:])
    whole = all(start == 1 and end >= 2**31 - 1 for start, end in zip(starts, ends, strict=True))
    whole = whole and all(step == 1 for values in steps for step in values)
    return set(axes) if whole else set()


def name_weights(graph: Graph) -> None:
    """Names every initialiser after the node that reads it, so that reports can be read."""
    suffixes = {"Conv": ("weight", "bias"), "Gemm": ("weight", "bias"), "PRelu": ("slope",)}
    for node in graph.nodes:
        for index, suffix in enumerate(suffixes.get(node.op_type, ()), start=1):
            if index < len(node.input) and node.input[index] in graph.weights:
                name = f"{node.name.strip('/')}.{suffix}"
                graph.weights[name] = graph.weights[node.input[index]]
                node.input[index] = name
