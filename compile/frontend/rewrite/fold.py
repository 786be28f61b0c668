"""What depends on constants alone becomes a constant; integers behind a DequantizeLinear stay."""

from __future__ import annotations

import math

import numpy as np
import onnx

from . import dequantised
from .branch import branch
from .draft import Draft, attributes, is_default
from .evaluate import can_fold, evaluate


def run(draft: Draft, *, measure: bool = True) -> None:
    """Folds until nothing changes: a shape may hang on a constant that hangs on a shape.

    Without ``measure`` shapes are left alone, for a batch that is still to become 1.

    Raises:
        CompileError: an operator that cannot be computed, or with ``measure`` one that still holds
            a graph: control flow that hangs on the input.
    """
    while _once(draft, measure):
        pass
    for node in draft.nodes if measure else ():
        if any(a.HasField("g") or a.graphs for a in node.attribute):
            raise draft.error(
                node,
                "its control flow hangs on the network's input; expected one that always runs the "
                "same operators, export it by tracing",
            )


def _once(draft: Draft, measure: bool) -> bool:
    shapes = draft.infer()[0] if measure else {}
    kept = []
    changed = False
    real: dict[str, onnx.NodeProto] = {}  # constants that are stored as integers
    for node in draft.nodes:
        new = _folded(draft, node, shapes, real)
        changed |= new != [node]
        kept.extend(new)
    draft.nodes = kept
    return changed


def _folded(
    draft: Draft,
    node: onnx.NodeProto,
    shapes: dict[str, tuple[int | None, ...]],
    real: dict[str, onnx.NodeProto],
) -> list[onnx.NodeProto]:
    """What stays of the node; its results are the draft's constants if nothing does."""
    if is_default(node, "Constant"):
        draft.constants[node.output[0]] = _held(draft, node)
        return []
    if is_default(node, "Shape", "Size"):
        value = _measured(node, shapes.get(node.input[0]))
        if value is not None:
            draft.constants[node.output[0]] = value
            return []
    if is_default(node, "If"):
        return branch(draft, node) or [node]
    if not can_fold(node) or not all(
        name in draft.constants or name in real for name in node.input if name
    ):
        return [node]
    if is_default(node, "DequantizeLinear") and dequantised.stays(draft, node):
        real[node.output[0]] = node
        return [node]
    if node.input and node.input[0] in real and is_default(node, *dequantised.MOVES):
        moved = dequantised.move(draft, node, real[node.input[0]])
        if moved is not None:
            real[moved.output[0]] = moved
        return [moved or node]
    _compute(draft, node, real)
    return []


def _compute(draft: Draft, node: onnx.NodeProto, real: dict[str, onnx.NodeProto]) -> None:
    inputs: list[np.ndarray | None] = []
    for name in node.input:
        if name in real:
            behind = real[name]
            stored = [draft.constants[n] if n else None for n in behind.input]
            inputs.append(evaluate(draft, behind, stored)[0])
        else:
            inputs.append(draft.constants[name] if name else None)
    names = [name for name in node.output if name]
    for name, value in zip(names, evaluate(draft, node, inputs), strict=True):
        draft.constants[name] = value


def _held(draft: Draft, node: onnx.NodeProto) -> np.ndarray:
    held = attributes(node)
    if len(held) == 1:
        ((kind, value),) = held.items()
        if kind == "value":
            return draft.array(value, f"node {node.name or node.output[0]!r} (Constant)")
        if kind in ("value_float", "value_floats"):
            return np.asarray(value, np.float32)
        if kind in ("value_int", "value_ints"):
            return np.asarray(value, np.int64)
    raise draft.error(
        node,
        f"has the attributes {sorted(held)}, expected one of value, value_float(s), value_int(s); "
        "strings and sparse tensors have no place in an int8 network, export it without",
    )


def _measured(node: onnx.NodeProto, shape: tuple[int | None, ...] | None) -> np.ndarray | None:
    """What Shape or Size gives, if what it asks of the shape is known."""
    if shape is None:
        return None
    if node.op_type == "Size":
        return None if None in shape else np.asarray(math.prod(filter(None, shape)), np.int64)
    options = attributes(node)
    part = shape[options.get("start", 0) : options.get("end", None)]
    return None if None in part else np.asarray(part, np.int64)
