"""Layers whose result is a product with constant weights, and what may be multiplied into them."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from ..graph import Graph, attributes

GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
"""ONNX's defaults."""


def is_plain_gemm(graph: Graph, node: NodeProto) -> bool:
    """Whether a Gemm is ``x W^T + b`` with constant W and b."""
    return (
        node.op_type == "Gemm"
        and all(name in graph.weights for name in node.input[1:])
        and GEMM | attributes(node) == GEMM | {"transB": 1}
    )


def scale_producer(graph: Graph, tensor: str, scale: np.ndarray, shift: np.ndarray) -> bool:
    """Lets the layers behind ``tensor`` write ``scale * tensor + shift``; False if they cannot.

    ``scale`` and ``shift`` are float64, one for each channel.
    """
    layers = linear_layers(graph, tensor)
    if layers is None or sum(outputs(graph, layer) for layer in layers) != len(scale):
        return False
    start = 0
    for layer in layers:
        weight = graph.weights[layer.input[1]].astype(np.float64)
        axis = 1 if layer.op_type == "ConvTranspose" else 0
        end = start + weight.shape[axis]
        part = scale[start:end]
        along = [-1 if place == axis else 1 for place in range(weight.ndim)]
        bias = graph.weights[layer.input[2]] if len(layer.input) > 2 else 0.0
        set_weights(graph, layer, weight * part.reshape(along), bias * part + shift[start:end])
        start = end
    return True


def linear_layers(graph: Graph, tensor: str) -> list[NodeProto] | None:
    """The layers whose output channels make up ``tensor``, each read by nothing else."""
    maker = graph.producer(tensor)
    if maker is None or graph.only_consumer(tensor) is None:
        return None
    constant = all(name in graph.weights for name in maker.input[1:])
    grouped = attributes(maker).get("group", 1) != 1
    if maker.op_type == "Conv" or (maker.op_type == "ConvTranspose" and not grouped):
        return [maker] if constant else None
    if maker.op_type == "Gemm":
        return [maker] if is_plain_gemm(graph, maker) else None
    if maker.op_type == "Concat" and attributes(maker)["axis"] == 1:
        parts = [linear_layers(graph, name) for name in maker.input]
        if len(set(maker.input)) == len(maker.input) and all(parts):
            return [layer for part in parts if part for layer in part]
    return None


def outputs(graph: Graph, layer: NodeProto) -> int:
    """How many channels a layer of :func:`linear_layers` writes."""
    return int(graph.weights[layer.input[1]].shape[1 if layer.op_type == "ConvTranspose" else 0])


def rank(graph: Graph, layer: NodeProto) -> int:
    """How many axes the result of a layer of :func:`linear_layers` has."""
    return int(graph.weights[layer.input[1]].ndim)


def set_weights(graph: Graph, layer: NodeProto, weight: np.ndarray, bias: np.ndarray) -> None:
    """Gives ``layer`` its own new weight and bias (initialisers may be shared by the exporter)."""
    names = [graph.own_name(f"{layer.output[0]}.{kind}") for kind in ("weight", "bias")]
    for name, array in zip(names, (weight, bias), strict=True):
        graph.weights[name] = array.astype(np.float32)
    del layer.input[1:]
    layer.input.extend(names)
