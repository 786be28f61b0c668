"""onnxruntime's own float operators as operators of the standard, where the meaning is the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper

from ..draft import Draft, attributes
from .pairs import MICROSOFT

Nodes = list[onnx.NodeProto]
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
    out, alpha = node.output[0], attributes(node).get("alpha", 1.702)
    factor = draft.constant(f"{out}_alpha", np.asarray(alpha, np.float32))
    scaled, gate = draft.fresh(f"{out}_scaled"), draft.fresh(f"{out}_gate")
    return [
        helper.make_node("Mul", [node.input[0], factor], [scaled]),
        helper.make_node("Sigmoid", [scaled], [gate]),
        helper.make_node("Mul", [node.input[0], gate], [out], node.name),
    ]


def _fused_conv(draft: Draft, node: onnx.NodeProto) -> Nodes | None:
    options = attributes(node)
    ending = _ending(draft, node, options)
    if ending is None:
        return None
    steps: list[tuple[str, list[str], dict]] = [("Conv", list(node.input[:3]), options)]
    if len(node.input) > 3 and node.input[3]:
        steps.append(("Add", ["", node.input[3]], {}))
    return _chain(draft, node, [*steps, *ending])


def _fused_gemm(draft: Draft, node: onnx.NodeProto) -> Nodes | None:
    options = attributes(node)
    given = {"alpha": options.pop("activation_alpha", None)}
    given["beta"] = options.pop("activation_beta", None)
    names = ACTIVATIONS.get(options.get("activation", b"").decode(errors="replace"), ())
    options["activation_params"] = [given[name] for name in names if given.get(name) is not None]
    ending = _ending(draft, node, options)
    if ending is None or options.pop("activation_gamma", None) is not None:
        return None
    return _chain(draft, node, [("Gemm", list(node.input), options), *ending])


def _ending(
    draft: Draft, node: onnx.NodeProto, options: dict
) -> list[tuple[str, list[str], dict]] | None:
    """The activation that ``options`` name (they lose it), or None if it is not known."""
    kind = options.pop("activation", b"").decode(errors="replace")
    values = list(options.pop("activation_params", ()))
    if not kind:
        return []
    if kind == "Clip" and len(values) == 2:
        bounds = [
            draft.constant(f"{node.output[0]}_bound", np.asarray(v, np.float32)) for v in values
        ]
        return [(kind, ["", *bounds], {})]
    if kind not in ACTIVATIONS or len(values) != len(ACTIVATIONS[kind]):
        return None
    return [(kind, [""], dict(zip(ACTIVATIONS[kind], values, strict=True)))]


def _chain(draft: Draft, node: onnx.NodeProto, steps: list[tuple[str, list[str], dict]]) -> Nodes:
    """One node behind the other: each reads the result before it as the input that is empty."""
    nodes: Nodes = []
    value = ""
    for number, (kind, inputs, options) in enumerate(steps):
        last = number == len(steps) - 1
        out = node.output[0] if last else draft.fresh(f"{node.output[0]}_{kind.lower()}")
        inputs = [value, *inputs[1:]] if number else inputs
        name = node.name and (f"{node.name}_{kind.lower()}" if number else node.name)
        nodes.append(helper.make_node(kind, inputs, [out], name, **options))
        value = out
    return nodes


RULES: dict[str, Callable[[Draft, onnx.NodeProto], Nodes | None]] = {
    "Gelu": _gelu,
    "FastGelu": _bias_gelu,
    "BiasGelu": _bias_gelu,
    "QuickGelu": _quick_gelu,
    "FusedConv": _fused_conv,
    "FusedGemm": _fused_gemm,
}
