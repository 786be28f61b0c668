"""Pools that round their size up, where the last window would start in the padding behind the map.

onnx counts that window, onnxruntime and PyTorch do not: the pool is written with stated padding.
"""

from __future__ import annotations

import onnx

from ...errors import CompileError

POOLS = ("MaxPool", "AveragePool", "LpPool")


def run(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]], file: str) -> bool:
    """Rewrites such pools in place; returns whether there was one, so that shapes are to be renewed.

    Raises:
        CompileError: an average that counts its padding, of which the added part is not counted.
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
        if given.get("count_include_pad", 0):
            raise CompileError(
                f"{file}: node {node.name!r} ({node.op_type}): ceil_mode with count_include_pad, "
                "where its last window starts behind the map, is not supported; unset one of both"
            )
        kept = [a for a in node.attribute if a.name not in ("ceil_mode", "pads")]
        del node.attribute[:]
        node.attribute.extend(kept)
        # Without rounding up, less padding behind gives the same windows.
        node.attribute.append(onnx.helper.make_attribute("pads", [*pads[:rank], *behind]))
        changed = True
    return changed


def _fit(rank: int, *lists: list[int]) -> bool:
    """Whether attributes are as long as they must be; the importer says what is wrong."""
    *single, pads = lists
    return all(len(one) == rank for one in single) and len(pads) == 2 * rank
