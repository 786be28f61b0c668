"""Old opsets to opset 21, by onnx's version converter and what it gets wrong."""

from __future__ import annotations

import onnx
from onnx import helper

from .draft import Draft, first_line, is_default

FORM = 21


def run(draft: Draft) -> None:
    """Brings the default domain to opset 21; a later one stays.

    Raises:
        CompileError: onnx has no rule for an operator.
    """
    if draft.opset >= FORM:
        return
    model = draft.model(weights=False)
    try:
        graph = onnx.version_converter.convert_version(model, FORM).graph
    except Exception as error:  # onnx raises types of its own
        raise draft.error(
            "the graph",
            f"cannot be upgraded from opset {draft.opset} to {FORM} ({first_line(error)}); "
            "export it anew with opset 17 or later",
        ) from error
    for node in graph.node:
        if draft.opset < 11 and is_default(node, "Resize"):
            _as_before_11(node)
    for tensor in graph.initializer:
        if tensor.name not in draft.constants:
            draft.constants[tensor.name] = draft.array(tensor, f"constant {tensor.name!r}")
    draft.nodes = list(graph.node)
    draft.opset = FORM


def _as_before_11(node: onnx.NodeProto) -> None:
    """Before opset 11 both read ``floor(i / scale)``, which the converter forgets."""
    kept = [a for a in node.attribute if a.name == "mode"]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
    node.attribute.append(helper.make_attribute("nearest_mode", "floor"))
