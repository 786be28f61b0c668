"""Gemm: transA is a Transpose, alpha and beta are in the constants where those are float."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from .draft import Draft, attributes, is_default


def run(draft: Draft) -> None:
    """What alpha or beta multiplies if it is no float constant keeps it."""
    nodes = []
    for node in draft.nodes:
        if is_default(node, "Gemm"):
            nodes.extend(_rewritten(draft, node))
        else:
            nodes.append(node)
    draft.nodes = nodes


def _rewritten(draft: Draft, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    options = attributes(node)
    inputs = list(node.input)
    before = []
    if options.pop("transA", 0):
        turned = draft.fresh(f"{inputs[0]}_transposed")
        name = node.name and f"{node.name}_transpose"
        before.append(helper.make_node("Transpose", [inputs[0]], [turned], name, perm=[1, 0]))
        inputs[0] = turned
    alpha, beta = options.pop("alpha", 1.0), options.pop("beta", 1.0)
    if len(inputs) > 2 and (not inputs[2] or beta == 0):
        del inputs[2:]
    if len(inputs) < 3:
        beta = 1.0
    if alpha != 1 and _is_float(draft, inputs[1]):
        inputs[1] = _times(draft, inputs[1], alpha)
        alpha = 1.0
    if beta != 1 and _is_float(draft, inputs[2]):
        inputs[2] = _times(draft, inputs[2], beta)
        beta = 1.0
    options = {name: value for name, value in options.items() if value}
    factors = {"alpha": alpha, "beta": beta}
    options.update({name: value for name, value in factors.items() if value != 1})
    return [*before, helper.make_node("Gemm", inputs, node.output, node.name, **options)]


def _is_float(draft: Draft, name: str) -> bool:
    return name in draft.constants and draft.constants[name].dtype.kind == "f"


def _times(draft: Draft, name: str, factor: float) -> str:
    values = draft.constants[name]
    with np.errstate(all="ignore"):
        return draft.constant(name, values * values.dtype.type(factor))
