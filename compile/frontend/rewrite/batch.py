"""The batch axis is 1: compiled networks take one input at a time, callers repeat them."""

from __future__ import annotations

import numpy as np
import onnx

from .draft import Draft, attributes, is_default

ALONG_AXIS = ("Softmax", "LogSoftmax", "Concat", "Split", "Gather", "ArgMax", "ArgMin", "CumSum",
              "LayerNormalization", "TopK", "Hardmax", "LpNormalization", "Flatten")  # fmt: skip
REDUCE = "Reduce"


def run(draft: Draft) -> None:
    """Sets the first axis of the inputs to 1 where it is dynamic, or a number that all ends share.

    Raises:
        CompileError: another axis of an input that is dynamic, or a network that
            mixes the pictures of a batch.
    """
    first = [_first(draft, value) for value in draft.inputs]
    shared = {size for size in first if size is not None and size > 1}
    if len(shared) == 1 and all(size is None or size > 1 for size in first):
        _shrink(draft, shared.pop())
    for value, size in zip(draft.inputs, first, strict=True):
        if size == 0:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    if 0 in first:
        for value in [*draft.outputs, *draft.value_info]:
            _forget(value)


def _first(draft: Draft, value: onnx.ValueInfoProto) -> int | None:
    """The first axis of an input: 0 if it is dynamic, None if it is no batch axis."""
    tensor = value.type.tensor_type
    where = f"input {value.name!r}"
    sizes = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
    batched = len(sizes) > 1
    for axis, size in enumerate(sizes):
        if size < 0 or (size == 0 and not (batched and axis == 0)):
            symbol = tensor.shape.dim[axis].dim_param
            raise draft.error(
                where,
                f"axis {axis} ({symbol or 'without a name'!r}) is dynamic, only the first one may "
                "be; give it a size: `python -m onnxruntime.tools.make_dynamic_shape_fixed "
                f"--input_name {value.name} --input_shape ... IN.onnx OUT.onnx`",
            )
    return sizes[0] if batched else None


def _shrink(draft: Draft, batch: int) -> None:
    """Makes a fixed batch 1, if every output has it and no operator works across it."""
    shapes, _ = draft.infer()
    ends = [shapes.get(value.name) for value in draft.outputs]
    if any(shape is None or len(shape) < 2 or shape[0] != batch for shape in ends):
        return
    for node in draft.nodes:
        shape = shapes.get(node.input[0]) if node.input else None
        if shape and shape[0] == batch and _across(draft, node, len(shape)):
            raise draft.error(
                node,
                f"works across the batch of {batch}, and one picture at a time is compiled; "
                "export the network with batch 1",
            )
    for node in draft.nodes:
        if is_default(node, "Reshape"):
            _mend(draft, node, shapes.get(node.output[0]), batch)
    for value in draft.inputs:
        if len(value.type.tensor_type.shape.dim) > 1:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    for value in [*draft.outputs, *draft.value_info]:
        _forget(value)
    after, _ = draft.infer()
    for value in draft.outputs:
        shape = after.get(value.name)
        if shape is not None and shape[:1] != (1,):
            raise draft.error(
                f"output {value.name!r}",
                f"keeps the batch of {batch}, which a constant holds; export it with batch 1",
            )


def _across(draft: Draft, node: onnx.NodeProto, rank: int) -> bool:
    """Whether a result's picture depends on more than the same picture of the operand."""
    options = attributes(node)
    if is_default(node, "Transpose"):
        return list(options.get("perm", [rank - 1]))[0] != 0
    if is_default(node, *ALONG_AXIS):
        return options.get("axis", -1) in (0, -rank)
    if is_default(node, "Slice") or (
        node.op_type.startswith(REDUCE) and is_default(node, node.op_type)
    ):
        place = 3 if node.op_type == "Slice" else 1
        axes = draft.constants.get(node.input[place]) if len(node.input) > place else None
        return axes is None or bool(np.isin(axes, (0, -rank)).any())
    return False


def _mend(
    draft: Draft, node: onnx.NodeProto, shape: tuple[int | None, ...] | None, batch: int
) -> None:
    """A Reshape's constant that counts the batch in its first size counts one picture."""
    target = draft.constants.get(node.input[1])
    if target is None or target.ndim != 1 or not target.size or target[0] <= 0:
        return
    if shape is not None and target[0] % batch == 0:
        mended = target.copy()
        mended[0] //= batch
        node.input[1] = draft.constant(node.input[1], mended)


def _forget(value: onnx.ValueInfoProto) -> None:
    """What the file says of the batch axis is no longer so."""
    sizes = value.type.tensor_type.shape.dim
    if value.type.tensor_type.HasField("shape") and sizes:
        sizes[0].Clear()
