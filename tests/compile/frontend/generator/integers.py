"""Rewrites a QDQ file with operators on integers, as onnxruntime's QOperator format has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import onnx
from onnx import TensorProto, helper

MICROSOFT = "com.microsoft"
DEFAULT = ""
Numbers = list[str]
"""Stored value, scale, zero point."""


def operators(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network, where each operator between pairs that has one is an integer operator."""
    graph = model.graph
    writer = {name: node for node in graph.node for name in node.output}
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(output.name for output in graph.output)
    behind = {n.input[0]: n for n in graph.node if n.op_type == "QuantizeLinear"}
    types = {constant.name: constant.data_type for constant in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    dropped: set[str] = set()
    for node in graph.node:
        quantiser = behind.get(node.output[0])
        rule = RULES.get(node.op_type)
        if rule is None or quantiser is None or readers[node.output[0]] != 1:
            nodes.append(node)
            continue
        parts = [_stored(writer, name) for name in node.input]
        made = rule(node, parts, list(quantiser.input[1:3]), types)
        if made is None:
            nodes.append(node)
            continue
        made.name, made.output[:] = node.name, quantiser.output
        nodes.append(made)
        dropped.add(quantiser.name)
    kept = [node for node in nodes if node.name not in dropped]
    del graph.node[:]
    graph.node.extend(_read(kept, {output.name for output in graph.output}))
    _forget(graph)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model


def _stored(writer: dict[str, onnx.NodeProto], name: str) -> Numbers | None:
    """What a DequantizeLinear with a zero point reads."""
    node = writer.get(name)
    if node is None or node.op_type != "DequantizeLinear":
        return None
    return list(node.input)


def _read(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """Nodes without the DequantizeLinears that nothing reads any more."""
    used = {name for node in nodes for name in node.input} | outputs
    return [n for n in nodes if n.op_type != "DequantizeLinear" or n.output[0] in used]


def _forget(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [constant for constant in graph.initializer if constant.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _complete(*parts: Numbers | None) -> bool:
    return all(part is not None and len(part) == 3 for part in parts)


Rule = Callable[
    [onnx.NodeProto, list[Numbers | None], list[str], dict[str, int]], onnx.NodeProto | None
]


def _conv(
    node: onnx.NodeProto, parts: list[Numbers | None], y: list[str], types: dict[str, int]
) -> onnx.NodeProto | None:
    x, weight, *bias = parts
    if not _complete(x, weight) or any(part is None for part in bias):
        return None
    assert x is not None and weight is not None
    if types.get(x[2]) == TensorProto.INT8 and types.get(weight[2]) == TensorProto.UINT8:
        return None  # onnxruntime has none
    inputs = [*x, *weight, *y, *(part[0] for part in bias if part is not None)]
    return helper.make_node("QLinearConv", inputs, [], **_attributes(node))


def _matmul(
    node: onnx.NodeProto, parts: list[Numbers | None], y: list[str], types: dict[str, int]
) -> onnx.NodeProto | None:
    if not _complete(*parts):
        return None
    return helper.make_node("QLinearMatMul", [*(n for p in parts for n in p or ()), *y], [])


def _gemm(
    node: onnx.NodeProto, parts: list[Numbers | None], y: list[str], types: dict[str, int]
) -> onnx.NodeProto | None:
    attributes = _attributes(node)
    x, weight, *bias = parts
    if not _complete(x, weight) or any(part is None for part in bias):
        return None
    if attributes.pop("beta", 1.0) != 1.0 or (bias and attributes.get("alpha", 1.0) != 1.0):
        return None
    assert x is not None and weight is not None
    inputs = [*x, *weight, bias[0][0] if bias and bias[0] else "", *y]
    return helper.make_node("QGemm", inputs, [], domain=MICROSOFT, **attributes)


def _pointwise(kind: str, *kept: str) -> Rule:
    """An operator of Microsoft's on inputs of one type, with some of the node's attributes."""

    def rule(
        node: onnx.NodeProto, parts: list[Numbers | None], y: list[str], types: dict[str, int]
    ) -> onnx.NodeProto | None:
        if not _complete(*parts):
            return None
        names = [name for part in parts for name in part or ()]
        zeros = {types.get(name, TensorProto.UNDEFINED) for name in (*names[2::3], y[1])}
        if len(zeros) != 1:
            return None
        attributes = {k: v for k, v in _attributes(node).items() if k in kept}
        return helper.make_node(kind, [*names, *y], [], domain=MICROSOFT, **attributes)

    return rule


def _concat(
    node: onnx.NodeProto, parts: list[Numbers | None], y: list[str], types: dict[str, int]
) -> onnx.NodeProto | None:
    if not _complete(*parts):
        return None
    names = [name for part in parts for name in part or ()]
    if len({types.get(name) for name in (*names[2::3], y[1])}) != 1:
        return None
    return helper.make_node(
        "QLinearConcat", [*y, *names], [], domain=MICROSOFT, **_attributes(node)
    )


RULES: dict[str, Rule] = {
    "Conv": _conv,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Add": _pointwise("QLinearAdd"),
    "Mul": _pointwise("QLinearMul"),
    "Sigmoid": _pointwise("QLinearSigmoid"),
    "LeakyRelu": _pointwise("QLinearLeakyRelu", "alpha"),
    "GlobalAveragePool": _pointwise("QLinearGlobalAveragePool"),
    "AveragePool": _pointwise(
        "QLinearAveragePool", "kernel_shape", "strides", "pads", "auto_pad", "ceil_mode",
        "count_include_pad",
    ),
    "Concat": _concat,
}  # fmt: skip
