"""Pools that round their size up, where the last window would start in the padding behind the map.

onnx counts that window, onnxruntime and PyTorch do not: the pool is written with stated padding.
"""

from __future__ import annotations

import onnx

STATED = "stated_pads"
"""Attribute with the padding that a rewritten pool had in the file."""

POOLS = ("MaxPool", "AveragePool", "LpPool")


def run(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]]) -> bool:
    """Rewrites such pools in place; returns whether there was one, so that shapes are other ones.

    Averages that count their padding find the file's own in ``STATED``.
    """
    changed = False
    for node in model.graph.node:
        given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type not in POOLS or not given.get("ceil_mode", 0):
            continue
        size = shapes[node.input[0]][2:]
        rank = len(size)
        kernel = given["kernel_shape"]
        strides = given.get("strides", [1] * rank)
        dilations = given.get("dilations", [1] * rank)
        pads = list(given.get("pads", [0] * 2 * rank))
        if given.get("auto_pad", b"NOTSET") != b"NOTSET" or not _fit(
            rank, kernel, strides, dilations, pads
        ):
            continue
        behind, fewer = [], False
        for axis in range(rank):
            long = (kernel[axis] - 1) * dilations[axis] + 1
            free = size[axis] + pads[axis] + pads[rank + axis] - long
            count = -(-free // strides[axis]) + 1
            if (count - 1) * strides[axis] >= size[axis] + pads[axis]:
                count, fewer = count - 1, True
            behind.append((count - 1) * strides[axis] + long - size[axis] - pads[axis])
        if not fewer:
            continue
        kept = [a for a in node.attribute if a.name not in ("ceil_mode", "pads")]
        del node.attribute[:]
        node.attribute.extend(kept)
        # Without rounding up, less padding behind gives the same windows.
        node.attribute.append(onnx.helper.make_attribute("pads", [*pads[:rank], *behind]))
        node.attribute.append(onnx.helper.make_attribute(STATED, pads))
        changed = True
    return changed


def _fit(rank: int, *lists: list[int]) -> bool:
    """Whether attributes are as long as they must be; the importer says what is wrong."""
    *single, pads = lists
    return all(len(one) == rank for one in single) and len(pads) == 2 * rank
