"""BatchNormalization of constants is a Mul and an Add of one number a channel."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from .draft import Draft, attributes, is_default
from .evaluate import evaluate


def run(draft: Draft) -> None:
    """Rewrites each one whose four parameters are constants and whose rank is known.

    The factors are computed as onnxruntime does, so that its results are the same to the bit.

    Raises:
        CompileError: one in training mode, or with parameters that do not fit together.
    """
    shapes, _ = draft.infer()
    writers = draft.writers()
    nodes = []
    for node in draft.nodes:
        if is_default(node, "BatchNormalization"):
            nodes.extend(_rewritten(draft, node, shapes.get(node.input[0]), writers))
        else:
            nodes.append(node)
    draft.nodes = nodes


def _rewritten(
    draft: Draft,
    node: onnx.NodeProto,
    shape: tuple[int | None, ...] | None,
    writers: dict[str, onnx.NodeProto],
) -> list[onnx.NodeProto]:
    options = attributes(node)
    if options.get("training_mode", 0) or sum(bool(name) for name in node.output) > 1:
        raise draft.error(
            node, "computes statistics of the batch; export the network in evaluation mode"
        )
    values = [known_constant(draft, name, writers) for name in node.input[1:]]
    if shape is None or len(shape) < 2 or len(values) != 4 or any(v is None for v in values):
        return [node]
    scale, shift, mean, variance = (np.asarray(v) for v in values)
    channels = shape[1]
    if any(v.shape != (channels,) for v in (scale, shift, mean, variance)):
        raise draft.error(
            node,
            f"its parameters have the shapes {[v.shape for v in (scale, shift, mean, variance)]}, "
            f"expected one number for each of {channels} channels; export it anew",
        )
    one = scale.dtype.type(1)
    epsilon = variance.dtype.type(options.get("epsilon", 1e-5))
    with np.errstate(all="ignore"):  # a variance that is negative is found by who reads the result
        factor = scale * (one / np.sqrt(variance + epsilon))
        offset = shift - mean * factor
    broad = (channels, *(1 for _ in shape[2:]))
    out = node.output[0]
    product = draft.fresh(f"{out}_scaled")
    by = draft.constant(f"{out}_factor", factor.reshape(broad))
    plus = draft.constant(f"{out}_offset", offset.reshape(broad))
    return [
        helper.make_node("Mul", [node.input[0], by], [product], node.name and f"{node.name}_mul"),
        helper.make_node("Add", [product, plus], [out], node.name),
    ]


def known_constant(
    draft: Draft, name: str, writers: dict[str, onnx.NodeProto]
) -> np.ndarray | None:
    """The value's numbers if it is a constant, dequantised where it is stored as integers."""
    if name in draft.constants:
        return draft.constants[name]
    node = writers.get(name)
    if node is not None and is_default(node, "DequantizeLinear"):
        stored = [draft.constants.get(n) if n else None for n in node.input]
        if all(v is not None for v, n in zip(stored, node.input, strict=True) if n):
            return evaluate(draft, node, stored)[0]
    return None
