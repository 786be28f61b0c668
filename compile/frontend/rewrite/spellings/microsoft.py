"""onnxruntime's own float operators as operators of the standard, where the meaning is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ..draft import Draft, attribute, like
from .pairs import MICROSOFT

Nodes = list[onnx.NodeProto]
Step = tuple[str, list[str], dict[str, Any]]
"""An operator, its inputs and its attributes."""
ACTIVATIONS = {
    "Relu": (),
    "Sigmoid": (),
    "Tanh": (),
    "LeakyRelu": ("alpha",),
    "HardSigmoid": ("alpha", "beta"),
}
"""What a fused operator may end in, with the attributes that its parameters stand for."""


def run(draft: Draft) -> None:
    """Rewrites what is known; any other operator of the domain stays."""
    nodes: Nodes = []
    for node in draft.nodes:
        rule = RULES.get(node.op_type) if node.domain == MICROSOFT else None
        nodes.extend((rule and rule(draft, node)) or [node])
    draft.nodes = nodes


def _gelu(draft: Draft, node: onnx.NodeProto) -> Nodes:
    return [helper.make_node("Gelu", [node.input[0]], node.output, node.name)]


def _bias_gelu(draft: Draft, node: onnx.NodeProto) -> Nodes:
    options = {"approximate": "tanh"} if node.op_type == "FastGelu" else {}
    inputs = [name for name in node.input if name]
    if len(inputs) == 1:
        return [helper.make_node("Gelu", inputs, node.output, node.name, **options)]
    between = draft.fresh(f"{node.output[0]}_biased")
    return [
        helper.make_node("Add", inputs, [between]),
        helper.make_node("Gelu", [between], node.output, node.name, **options),
    ]


def _quick_gelu(draft: Draft, node: onnx.NodeProto) -> Nodes:
    out, alpha = node.output[0], attribute(draft, node, "alpha", 1.702)
    factor = draft.constant(f"{out}_alpha", np.asarray(alpha, np.float32))
    scaled, gate = draft.fresh(f"{out}_scaled"), draft.fresh(f"{out}_gate")
    return [
        helper.make_node("Mul", [node.input[0], factor], [scaled]),
        helper.make_node("Sigmoid", [scaled], [gate]),
        helper.make_node("Mul", [node.input[0], gate], [out], node.name),
    ]


def _fused_conv(draft: Draft, node: onnx.NodeProto) -> Nodes | None:
    parameters = list(attribute(draft, node, "activation_params", []))
    steps: list[Step] = [("Conv", list(node.input[:3]), {})]
    if len(node.input) > 3 and node.input[3]:
        steps.append(("Add", ["", node.input[3]], {}))
    return _fused(draft, node, steps, parameters)


def _fused_gemm(draft: Draft, node: onnx.NodeProto) -> Nodes | None:
    kind = attribute(draft, node, "activation", "")
    given = {a.name for a in node.attribute}
    parameters = [
        attribute(draft, node, f"activation_{name}", 0.0)
        for name in ACTIVATIONS.get(kind, ())
        if f"activation_{name}" in given
    ]
    return _fused(draft, node, [("Gemm", list(node.input), {})], parameters)


def _fused(
    draft: Draft, node: onnx.NodeProto, steps: list[Step], parameters: list[float]
) -> Nodes | None:
    """The first step with the node's attributes, others behind it, and the activation last.

    A step reads the result before it as the input that is empty; None if the activation is unknown.
    """
    kind, out = attribute(draft, node, "activation", ""), node.output[0]
    if kind == "Clip" and len(parameters) == 2:
        values = [np.asarray(value, np.float32) for value in parameters]
        bounds = [draft.constant(f"{out}_bound", value) for value in values]
        steps.append((kind, ["", *bounds], {}))
    elif kind in ACTIVATIONS and len(parameters) == len(ACTIVATIONS[kind]):
        steps.append((kind, [""], dict(zip(ACTIVATIONS[kind], parameters, strict=True))))
    elif kind:
        return None
    nodes: Nodes = []
    value = ""
    for number, (step, inputs, options) in enumerate(steps):
        last = number == len(steps) - 1
        result = out if last else draft.fresh(f"{out}_{step.lower()}")
        if number:
            name = node.name and f"{node.name}_{step.lower()}"
            nodes.append(helper.make_node(step, [value, *inputs[1:]], [result], name, **options))
        else:
            gone = [a.name for a in node.attribute if a.name.startswith("activation")]
            nodes.append(like(node, step, inputs, [result], node.name, gone))
        value = result
    return nodes


RULES: dict[str, Callable[[Draft, onnx.NodeProto], Nodes | None]] = {
    "Gelu": _gelu,
    "FastGelu": _bias_gelu,
    "BiasGelu": _bias_gelu,
    "QuickGelu": _quick_gelu,
    "FusedConv": _fused_conv,
    "FusedGemm": _fused_gemm,
}
