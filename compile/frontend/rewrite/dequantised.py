"""Moves behind the DequantizeLinear of a constant: the stored integers and the axis move."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper

from .draft import Draft, attributes
from .evaluate import evaluate

MOVES = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity")
"""Operators that give each stored number another place and change none."""


def stays(draft: Draft, node: onnx.NodeProto) -> bool:
    """Whether a DequantizeLinear of constants is one of integers, which the importer reads."""
    return draft.constants[node.input[0]].dtype.kind in "iuV"


def move(draft: Draft, node: onnx.NodeProto, behind: onnx.NodeProto) -> onnx.NodeProto | None:
    """A DequantizeLinear that gives what ``node`` gives, or None if the axis cannot follow.

    Raises:
        CompileError: the move fits no tensor of this shape.
    """
    options = attributes(behind)
    if options.get("block_size", 0):
        return None
    values = draft.constants[behind.input[0]]
    others = [draft.constants[name] if name else None for name in node.input[1:]]
    alone = onnx.NodeProto()
    alone.CopyFrom(node)
    moved = np.asarray(evaluate(draft, alone, [values, *others])[0], values.dtype)
    result = onnx.NodeProto()
    result.CopyFrom(behind)
    if draft.constants[behind.input[1]].size > 1:
        axis = _follow(node, options.get("axis", 1), values.shape, moved.shape)
        if axis is None:
            return None
        del result.attribute[:]
        result.attribute.extend(a for a in behind.attribute if a.name != "axis")
        result.attribute.append(helper.make_attribute("axis", axis))
    result.name = node.name
    result.input[0] = draft.constant(behind.input[0], moved)
    result.output[0] = node.output[0]
    return result


def _follow(
    node: onnx.NodeProto, axis: int, old: tuple[int, ...], new: tuple[int, ...]
) -> int | None:
    """Where the axis of the scales lies after the move."""
    if not -len(old) <= axis < len(old):
        return None
    axis %= len(old)
    if node.op_type == "Transpose":
        order = list(attributes(node).get("perm", range(len(old))[::-1]))
        return order.index(axis) if axis in order else None
    for place, size in enumerate(new):
        if size == old[axis] and math.prod(new[:place]) == math.prod(old[:axis]):
            return place
    return None
