"""What depends on constants alone becomes a constant; integers behind a DequantizeLinear stay."""

from __future__ import annotations

import numpy as np
import onnx

from . import dequantised
from .draft import Draft, attributes, is_default
from .evaluate import can_fold, evaluate


def run(draft: Draft) -> None:
    """Folds until nothing changes: a shape may hang on a constant that hangs on a shape."""
    while _once(draft):
        pass


def _once(draft: Draft) -> bool:
    shapes, _ = draft.infer()
    kept = []
    real: dict[str, onnx.NodeProto] = {}  # constants that are stored as integers
    for node in draft.nodes:
        if is_default(node, "Constant"):
            draft.constants[node.output[0]] = _held(draft, node)
        elif is_default(node, "Shape", "Size"):
            value = _measured(node, shapes.get(node.input[0]))
            if value is None:
                kept.append(node)
            else:
                draft.constants[node.output[0]] = value
        elif not can_fold(node) or not all(
            name in draft.constants or name in real for name in node.input if name
        ):
            kept.append(node)
        elif is_default(node, "DequantizeLinear"):
            if dequantised.stays(draft, node):
                real[node.output[0]] = node
                kept.append(node)
            else:
                _compute(draft, node, real)
        elif node.input and node.input[0] in real and is_default(node, *dequantised.MOVES):
            moved = dequantised.move(draft, node, real[node.input[0]])
            if moved is not None:
                real[moved.output[0]] = moved
            kept.append(moved or node)
        else:
            _compute(draft, node, real)
    changed = len(kept) < len(draft.nodes)
    draft.nodes = kept
    return changed


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
        return None if None in shape else np.asarray(np.prod(shape, dtype=np.int64))
    options = attributes(node)
    part = shape[options.get("start", 0) : options.get("end", None)]
    return None if None in part else np.asarray(part, np.int64)
