"""Which float values a network keeps: inside chains that are one function of one int8 tensor.

The compiler makes one table of such a chain (``x * sigmoid(x)``), and of constants behind a matrix
product its scale and bias: one rounding in place of one for each operator.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto

from pocketvision.compile.frontend.network import ACTIVATIONS
from pocketvision.compile.frontend.operators.attention import HEADS
from pocketvision.compile.frontend.operators.function import FUNCTIONS

from .calibrate import Range
from .fold import norms
from .fold.affine import affine
from .graph import Graph

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def inner(graph: Graph) -> set[str]:
    """Tensors that are neither stored as int8 nor rounded: the insides of chains."""
    held = {node.output[0] for node in graph.nodes if _followed(graph, node)}
    ends = {n.output[0] for n in graph.nodes if any(name in held for name in n.input)}
    within = norms.inner(graph)
    stops: set[str] = ends | within
    while True:
        origin = _origins(graph, stops)
        found = {
            value
            for value, root in origin.items()
            if value != root and value not in stops and _read_within(graph, value, root, origin)
        }
        further = {v for v, root in origin.items() if v != root} - found - stops
        if not further:
            return found | held | within
        stops |= further


def clamps(graph: Graph, floats: set[str], ranges: dict[str, Range]) -> list[NodeProto]:
    """Relu and Clip nodes that the int8 range of their result does not do by itself.

    Those inside a chain, and those whose result shares a wider range with others.
    """
    return [
        node
        for node in graph.nodes
        if node.op_type in ACTIVATIONS
        and (
            node.input[0] in floats
            or node.output[0] in floats
            or not _within(graph, node, ranges.get(node.output[0]))
        )
    ]


def _origins(graph: Graph, stops: set[str]) -> dict[str, str]:
    """The tensor that each element-wise operator's result is a function of, maybe itself."""
    origin: dict[str, str] = {}
    for node in graph.nodes:
        if node.op_type not in FUNCTIONS or len(node.output) != 1:
            continue
        value = node.output[0]
        origin[value] = value
        data = [name for name in node.input if name and name not in graph.weights]
        roots = {name if name in stops else origin.get(name, name) for name in data}
        if len(roots) != 1 or not repeats(graph, node):
            continue
        (root,) = roots
        known = graph.shapes.get(root), graph.shapes.get(value)
        first = data[0] in stops or origin.get(data[0], data[0]) == data[0]
        alone = first and graph.only_consumer(data[0]) is not None
        # A clamp of what makes its input is none of a table.
        if known[0] != known[1] or known[0] is None or (alone and node.op_type in ACTIVATIONS):
            continue
        origin[value] = root
    return origin


def _read_within(graph: Graph, value: str, root: str, origin: dict[str, str]) -> bool:
    """Whether all that read ``value`` are functions of ``root`` as it is."""
    readers = graph.consumers(value)
    return (
        bool(readers)
        and not graph.is_output(value)
        and all(origin.get(reader.output[0]) == root for reader in readers)
    )


def repeats(graph: Graph, node: NodeProto) -> bool:
    """Whether its constants are one number, or one for each entry of the axis of channels."""
    rank = len(graph.shapes.get(node.output[0], ()))
    for name in node.input:
        if name not in graph.weights:
            continue
        sizes = graph.weights[name].shape
        whole = (1,) * (rank - len(sizes)) + sizes
        varied = [axis for axis, size in enumerate(whole) if size != 1]
        if len(whole) > rank or varied not in ([], [1], [rank - 1]):
            return False
    return True


def _followed(graph: Graph, node: NodeProto) -> bool:
    """Whether a MatMul's result only goes into one Add, Sub, Mul or Div with a constant.

    Of two activations into a Mul or Div with one number, or with one for each head.
    """
    if node.op_type != "MatMul":
        return False
    reader = graph.only_consumer(node.output[0])
    found = affine(graph, reader) if reader is not None else None
    if found is None or reader is None or not all(np.all(v != 0) for v in found[1:2]):
        return False
    constant = next(graph.weights[name] for name in reader.input if name in graph.weights)
    if node.input[1] not in graph.weights:
        return reader.op_type in ("Mul", "Div") and _of_heads(graph, node, constant)
    outputs = graph.weights[node.input[1]].shape[-1]
    one_each = constant.size == 1 or constant.shape[-1:] == (constant.size,) == (outputs,)
    return one_each and graph.shapes.get(reader.output[0]) == graph.shapes.get(node.output[0])


def _of_heads(graph: Graph, node: NodeProto, constant: np.ndarray) -> bool:
    """Whether a constant is one number, or differs along the heads of a product alone."""
    shape = graph.shapes.get(node.output[0], ())
    whole = (1,) * (len(shape) - constant.ndim) + constant.shape
    varied = [len(shape) - axis for axis, size in enumerate(whole) if size != 1]
    return varied == [] or (varied == [-HEADS] and set(shape[:HEADS]) <= {1})


def _within(graph: Graph, node: NodeProto, span: Range | None) -> bool:
    """Whether a range holds nothing that a Relu or Clip would change."""
    if span is None:
        return True
    ends = [0.0, np.inf]
    if node.op_type == "Clip":
        ends = [-np.inf, np.inf]
        for index in (0, 1):
            name = node.input[1 + index] if len(node.input) > 1 + index else ""
            if name:
                ends[index] = float(graph.weights[name].item()) if name in graph.weights else np.nan
    slack = 1e-3 * (span[1] - span[0]) / 255
    return bool(span[0] >= ends[0] - slack and span[1] <= ends[1] + slack)
