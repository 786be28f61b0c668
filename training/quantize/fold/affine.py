"""Constants that multiply or are added behind a layer go into its weights and bias."""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, helper

from ..graph import Graph, attributes, set_attribute
from .linear import GEMM, linear_layers, outputs, rank, scale_producer

AFFINE = ("Add", "Sub", "Mul", "Div")


def fold_affine(graph: Graph) -> None:
    """Folds each Add, Sub, Mul and Div with a constant of one value a channel, or one for all."""
    for node in [n for n in graph.nodes if n.op_type in AFFINE]:
        found = affine(graph, node)
        if found is None:
            continue
        tensor, scale, shift = found
        layers = linear_layers(graph, tensor)
        if layers is None:
            continue
        axes = max(rank(graph, layer) for layer in layers)
        count = sum(outputs(graph, layer) for layer in layers)
        factor, summand = (by_channel(values, axes, count) for values in (scale, shift))
        if factor is None or summand is None:
            continue
        if scale_producer(graph, tensor, factor, summand):
            place = list(node.input).index(tensor)
            node.input[0], node.input[1] = node.input[place], node.input[1 - place]
            graph.bypass(node)


def affine(graph: Graph, node: NodeProto) -> tuple[str, np.ndarray, np.ndarray] | None:
    """(x, a, b) of a node that is ``a * x + b`` with float64 constants of any shape, else None."""
    if node.op_type not in AFFINE or len(node.input) != 2:
        return None
    constant = [name in graph.weights for name in node.input]
    if sum(constant) != 1:
        return None
    x = node.input[constant.index(False)]
    values = graph.weights[node.input[constant.index(True)]].astype(np.float64)
    one, zero = np.ones(1), np.zeros(1)
    if node.op_type == "Add":
        return x, one, values
    if node.op_type == "Mul":
        return x, values, zero
    if constant[0]:
        return (x, -one, values) if node.op_type == "Sub" else None
    if node.op_type == "Sub":
        return x, one, -values
    return (x, 1 / values, zero) if values.all() else None


def by_channel(values: np.ndarray, axes: int, count: int, channels: int = 1) -> np.ndarray | None:
    """(count) of a constant that meets an array of ``axes`` axes, if it differs along the axis of
    ``channels`` at most."""
    if values.size == 1:
        return np.full(count, values.item())
    if values.ndim > axes:
        return None
    whole = values.reshape(*[1] * (axes - values.ndim), *values.shape)
    along = [count if axis == channels else 1 for axis in range(axes)]
    return whole.reshape(count) if list(whole.shape) == along else None


def plain_gemms(graph: Graph) -> None:
    """MatMul of a row with a constant matrix becomes Gemm, and every Gemm has its weight (O, I)."""
    for node in graph.nodes:
        if len(node.input) < 2 or node.input[1] not in graph.weights:
            continue
        weight = graph.weights[node.input[1]]
        rows = len(graph.shapes.get(node.input[0], ())) == 2
        if node.op_type == "MatMul" and weight.ndim == 2 and rows:
            node.CopyFrom(helper.make_node("Gemm", node.input, node.output, node.name))
        if node.op_type == "Gemm" and not (GEMM | attributes(node))["transB"]:
            name = graph.own_name(f"{node.output[0]}.weight")
            graph.weights[name] = np.ascontiguousarray(weight.T)
            node.input[1] = name
            set_attribute(node, "transB", 1)
