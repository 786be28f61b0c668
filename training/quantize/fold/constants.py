"""Constants become initialisers, and what hangs on them alone with them; identities go."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from ..graph import Graph, attributes


def store_constants(graph: Graph) -> None:
    """Makes an initialiser of every Constant with a tensor."""
    for node in list(graph.nodes):
        held = attributes(node)
        if node.op_type == "Constant" and "value" in held:
            graph.weights[node.output[0]] = numpy_helper.to_array(held["value"])
            graph.drop(node)


def fold_constants(graph: Graph) -> None:
    """Evaluates every node all of whose inputs are initialisers."""
    store_constants(graph)
    for node in list(graph.nodes):
        if node.input and all(name in graph.weights for name in node.input):
            evaluator = ReferenceEvaluator(node, opsets={"": graph.model.opset_import[0].version})
            values: Any = evaluator.run(None, {name: graph.weights[name] for name in node.input})
            graph.weights.update(
                zip(node.output, (np.asarray(value) for value in values), strict=True)
            )
            graph.drop(node)


def drop_identities(graph: Graph, *kinds: str) -> None:
    """Removes nodes of ``kinds``, which give what they read."""
    for node in list(graph.nodes):
        if node.op_type not in kinds:
            continue
        if node.input[0] in graph.weights:
            graph.weights[node.output[0]] = graph.weights[node.input[0]]
            graph.drop(node)
        else:
            graph.bypass(node)
