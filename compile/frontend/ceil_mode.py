"""Pools that round their size up, where the last window would start in the padding behind the map.

onnx counts that window, onnxruntime and PyTorch do not: the pool is written with stated padding.
"""

from __future__ import annotations

from typing import Any

from onnx import helper

from .rewrite.draft import STATED, Draft, attributes, static

COUNTED = "counts_what_is_added"
"""Attribute of averages that count what ceil_mode adds too, as QLinearAveragePool does."""

POOLS = ("MaxPool", "AveragePool", "LpPool")


def run(draft: Draft) -> None:
    """Rewrites such pools, before anything else measures shapes.

    Averages that count their padding find the file's own in ``STATED``. Pools whose attributes do
    not fit are left for the importer to refuse. What the file says of shapes is forgotten: who
    wrote it may have counted those windows or not.
    """
    changed = False
    for node in draft.nodes:
        if node.op_type not in POOLS:
            continue
        given = attributes(node)
        whole = given.pop(COUNTED, 0)
        pads = None
        if given.get("ceil_mode", 0):
            # Anew each time: the pools before it have other sizes now.
            size = static(draft.infer()[0].get(node.input[0]))
            pads = _pads(given, list(size[2:])) if size is not None and len(size) > 2 else None
        gone = {COUNTED} if pads is None else {COUNTED, "ceil_mode", "pads"}
        kept = [a for a in node.attribute if a.name not in gone]
        del node.attribute[:]
        node.attribute.extend(kept)
        if pads is not None:
            changed = True
            stated = pads if whole else list(given.get("pads", [0] * len(pads)))
            node.attribute.append(helper.make_attribute("pads", pads))
            if given.get("count_include_pad", 0) and stated != pads:
                node.attribute.append(helper.make_attribute(STATED, stated))
    if changed:
        draft.value_info = []
        for value in draft.outputs:
            value.type.tensor_type.ClearField("shape")


def _pads(given: dict[str, Any], size: list[int]) -> list[int] | None:
    """Padding that gives the same windows without rounding up; None where attributes do not fit."""
    rank = len(size)
    kernel = list(given.get("kernel_shape", []))
    strides = list(given.get("strides", [1] * rank))
    dilations = list(given.get("dilations", [1] * rank))
    pads = list(given.get("pads", [0] * 2 * rank))
    fits = all(len(one) == rank and min(one) > 0 for one in (kernel, strides, dilations))
    if given.get("auto_pad", b"NOTSET") != b"NOTSET" or not fits or len(pads) != 2 * rank:
        return None
    behind = []
    for axis in range(rank):
        long = (kernel[axis] - 1) * dilations[axis] + 1
        free = size[axis] + pads[axis] + pads[rank + axis] - long
        count = -(-free // strides[axis]) + 1
        if (count - 1) * strides[axis] >= size[axis] + pads[axis]:
            count -= 1
        reach = (count - 1) * strides[axis] + long
        behind.append(max(reach - size[axis] - pads[axis], 0))
    return [*pads[:rank], *behind]
