"""Operators that change nothing are gone, and Flatten, Squeeze and Unsqueeze are Reshape."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from .draft import Draft, attributes, is_default, static

RESHAPES = ("Flatten", "Squeeze", "Unsqueeze")
SINGLE = ("Concat", "Sum", "Max", "Min", "Mean")
"""Operators that give their input if they have just one."""


def run(draft: Draft) -> None:
    """Every Reshape gets its result's shape as a constant without 0 and -1.

    Raises:
        CompileError: a Dropout in training mode, or whose mask is read.
    """
    shapes, types = draft.infer()
    reads = draft.reads()
    same: dict[str, str] = {}
    for node in draft.nodes:
        if is_default(node, "Dropout"):
            _check_dropout(draft, node, reads)
        if is_default(node, *RESHAPES, "Reshape"):
            shape = static(shapes.get(node.output[0]))
            if shape is not None:
                _reshape(draft, node, shape)
        if _changes_nothing(draft, node, shapes, types):
            same[node.output[0]] = node.input[0]
    draft.bypass(same)


def _reshape(draft: Draft, node: onnx.NodeProto, shape: tuple[int, ...]) -> None:
    target = draft.constant(f"{node.output[0]}_shape", np.asarray(shape, np.int64))
    node.CopyFrom(helper.make_node("Reshape", [node.input[0], target], node.output, node.name))


def _check_dropout(draft: Draft, node: onnx.NodeProto, reads: dict[str, int]) -> None:
    training = draft.constants.get(node.input[2]) if len(node.input) > 2 else None
    if len(node.input) > 2 and node.input[2] and (training is None or np.any(training)):
        raise draft.error(node, "drops at random; export the network in evaluation mode")
    if len(node.output) > 1 and reads.get(node.output[1], 0):
        raise draft.error(node, "its mask is read; export the network in evaluation mode")


def _changes_nothing(
    draft: Draft,
    node: onnx.NodeProto,
    shapes: dict[str, tuple[int | None, ...]],
    types: dict[str, int],
) -> bool:
    if is_default(node, "Identity", "Dropout"):
        return True
    if is_default(node, *SINGLE):
        return len(node.input) == 1
    if not node.input or not node.output:
        return False
    before, after = static(shapes.get(node.input[0])), static(shapes.get(node.output[0]))
    if is_default(node, "Cast", "CastLike"):
        kind = types.get(node.input[0])
        return kind is not None and kind == types.get(node.output[0])
    if before is None:
        return False
    if is_default(node, "Reshape", "Expand", "Tile"):
        return before == after
    if is_default(node, "Transpose"):
        order = list(attributes(node).get("perm", range(len(before))[::-1]))
        return order == list(range(len(before)))
    if is_default(node, "Pad"):
        pads = draft.constants.get(node.input[1]) if len(node.input) > 1 else None
        return pads is not None and not np.any(pads)
    if is_default(node, "Slice"):
        steps = draft.constants.get(node.input[4]) if len(node.input) > 4 else None
        forward = len(node.input) < 5 or (steps is not None and bool(np.all(steps == 1)))
        return before == after and forward
    return False
