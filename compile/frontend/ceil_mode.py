"""Pools that round their size up, where the last window would start in the padding behind the map.

onnx counts that window, onnxruntime and PyTorch do not: the pool is written with stated padding.
"""

from __future__ import annotations

from typing import Any

import onnx

STATED = "stated_pads"
"""Attribute with the padding that a rewritten pool had in the file."""

POOLS = ("MaxPool", "AveragePool", "LpPool")


def run(model: onnx.ModelProto) -> bool:
    """Rewrites such pools in place; returns whether there was one, so that shapes are other ones.

    Averages that count their padding find the file's own in ``STATED``. Pools whose attributes do
    not fit are left for the importer to refuse.
    """
    left = [n for n in model.graph.node if n.op_type in POOLS and _of(n).get("ceil_mode", 0)]
    changed = bool(left)
    while left:
        node = left.pop(0)
        # Anew each time: the pools before it have other sizes now.
        size = _size(model, node.input[0])
        pads = _pads(_of(node), size) if size is not None else None
        if pads is None:
            continue
        stated = _of(node).get("pads", [0] * len(pads))
        kept = [a for a in node.attribute if a.name not in ("ceil_mode", "pads")]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.append(onnx.helper.make_attribute("pads", pads))
        node.attribute.append(onnx.helper.make_attribute(STATED, list(stated)))
    return changed


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


def _size(model: onnx.ModelProto, value: str) -> list[int] | None:
    """Sizes behind batch and channels, as far as inference comes."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    try:
        graph = onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
    except Exception:  # what is wrong is said by the strict inference that follows
        return None
    for known in (*graph.value_info, *graph.input):
        if known.name == value:
            sizes = [d.dim_value for d in known.type.tensor_type.shape.dim]
            return sizes[2:] if len(sizes) > 2 and min(sizes) > 0 else None
    return None


def _of(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
