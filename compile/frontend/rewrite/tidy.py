"""What nothing reads is gone, and every node has a name of its own."""

from __future__ import annotations

import onnx

from .draft import Draft, unique


def run(draft: Draft) -> None:
    """Drops nodes and constants without readers, names the nodes, completes the outputs' shapes."""
    read = {value.name for value in draft.outputs}
    kept = []
    for node in reversed(draft.nodes):
        if any(name in read for name in node.output):
            read.update(node.input)
            kept.append(node)
    draft.nodes = kept[::-1]
    draft.constants = {name: x for name, x in draft.constants.items() if name in read}
    held = {*read, *(name for node in draft.nodes for name in node.output)}
    draft.value_info = [value for value in draft.value_info if value.name in held]
    _name(draft)
    shapes, _ = draft.infer()
    for value in draft.outputs:
        _complete(value, shapes.get(value.name))


def _name(draft: Draft) -> None:
    own: set[str] = set()
    nameless = []
    for node in draft.nodes:
        if node.name and node.name not in own:
            own.add(node.name)
        else:
            nameless.append(node)
    for node in nameless:
        node.name = unique(node.name or node.output[0], own)


def _complete(value: onnx.ValueInfoProto, shape: tuple[int | None, ...] | None) -> None:
    """Writes the sizes that the file leaves open; those that it gives are compared later."""
    tensor = value.type.tensor_type
    if shape is None:
        return
    if not tensor.HasField("shape"):
        tensor.shape.SetInParent()
        for _ in shape:
            tensor.shape.dim.add()
    if len(tensor.shape.dim) == len(shape):
        for size, known in zip(tensor.shape.dim, shape, strict=True):
            if known is not None and size.dim_value <= 0:
                size.dim_value = known
