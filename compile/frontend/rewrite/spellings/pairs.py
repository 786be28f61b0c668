"""QuantizeLinear and DequantizeLinear as the standard has them: one number is a scalar."""

from __future__ import annotations

import onnx

from ..draft import Draft, is_default

PAIR = ("QuantizeLinear", "DequantizeLinear")
MICROSOFT = "com.microsoft"


def run(draft: Draft) -> None:
    """A scale of one number loses its axis, and its zero point with it."""
    for node in draft.nodes:
        if node.domain == MICROSOFT and node.op_type in PAIR:
            node.domain = ""
        if is_default(node, *PAIR) and len(node.input) > 1:
            _as_scalar(draft, node)


def _as_scalar(draft: Draft, node: onnx.NodeProto) -> None:
    scale = draft.constants.get(node.input[1])
    if scale is None or scale.size != 1 or any(a.name == "block_size" for a in node.attribute):
        return
    kept = [a for a in node.attribute if a.name != "axis"]
    del node.attribute[:]
    node.attribute.extend(kept)
    for place, name in enumerate(node.input):
        values = draft.constants.get(name)
        if place > 0 and values is not None and values.shape == (1,):
            node.input[place] = draft.constant(name, values.reshape(()))
