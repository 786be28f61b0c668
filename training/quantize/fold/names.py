"""Initialisers are named after the node that reads them, so that reports can be read."""

from __future__ import annotations

from ..graph import Graph

SUFFIXES = {
    "Conv": ("weight", "bias"),
    "ConvTranspose": ("weight", "bias"),
    "Gemm": ("weight", "bias"),
    "MatMul": ("weight",),
    "PRelu": ("slope",),
}


def name_weights(graph: Graph) -> None:
    """Gives every layer initialisers of its own: two that read the same are quantised apart."""
    for node in graph.nodes:
        for index, suffix in enumerate(SUFFIXES.get(node.op_type, ()), start=1):
            if index < len(node.input) and node.input[index] in graph.weights:
                name = graph.own_name(f"{node.name.strip('/')}.{suffix}")
                graph.weights[name] = graph.weights[node.input[index]]
                node.input[index] = name
