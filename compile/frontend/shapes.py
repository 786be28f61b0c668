"""Static shapes and element types of every value of a normalised model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import onnx

from ..errors import CompileError
from .attributes import check_attributes, check_domains
from .rewrite.draft import SMALL, first_line, label

MOST_BYTES = 2**28
"""A tensor between two operators may have no more."""

Shape = tuple[int, ...]


def infer(model: onnx.ModelProto, file: str) -> dict[str, Shape]:
    """The shape of every input, constant and result, by strict inference.

    What the file itself says of shapes is no source: it is compared with the result.

    Raises:
        CompileError: a shape that is unknown, not static, contradicted by the file or out of all
            proportion, or attributes that do not fit the shapes; it names the node or value.
    """
    check_domains(file, model)
    graph = _inferred(model, file)
    found = {value.name: _sizes(value) for value in _values(graph)}
    shapes: dict[str, Shape] = {t.name: tuple(t.dims) for t in model.graph.initializer}
    for value in model.graph.input:
        shapes[value.name] = _static(file, f"input {value.name!r}", _sizes(value))
    for node in model.graph.node:
        for name in filter(None, node.output):
            shapes[name] = _static(file, label(node), found.get(name))
    _check_claims(model, file, shapes)
    for node in model.graph.node:
        check_attributes(file, node, shapes)
    return shapes


def types(model: onnx.ModelProto) -> dict[str, int]:
    """The element type (``onnx.TensorProto.DataType``) of every input, constant and result.

    Raises:
        CompileError: inference fails.
    """
    graph = _inferred(model, model.graph.name)
    known = {value.name: value.type.tensor_type.elem_type for value in _values(graph)}
    return {**known, **{t.name: t.data_type for t in model.graph.initializer}}


def _inferred(model: onnx.ModelProto, file: str) -> onnx.GraphProto:
    """The graph with what inference finds, from inputs, constants and operators alone."""
    copy = onnx.ModelProto()
    copy.ir_version = model.ir_version
    copy.opset_import.extend(model.opset_import)
    graph = copy.graph
    graph.name = model.graph.name or "graph"
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    named = {value.name for value in graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= SMALL:
            graph.initializer.append(tensor)
        elif tensor.name not in named:
            graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    for value in model.graph.output:
        end = graph.output.add()
        end.name = value.name
        end.type.tensor_type.elem_type = value.type.tensor_type.elem_type
    try:
        result = onnx.shape_inference.infer_shapes(
            copy, check_type=True, strict_mode=True, data_prop=True
        )
    except Exception as error:  # onnx and protobuf raise types of their own
        raise CompileError(f"{file}: {_reason(error)}") from error
    return result.graph


def _reason(error: Exception) -> str:
    """Node and cause of what inference could not do."""
    named = re.search(r"op_type:(\w+), node name: ([^)]*)\)", str(error))
    where = f"node {named[2]!r} ({named[1]})" if named else "the graph"
    return (
        f"{where}: its shapes or types do not fit together ({first_line(error)}); "
        "export the network anew"
    )


def _values(graph: onnx.GraphProto) -> Iterable[onnx.ValueInfoProto]:
    return [*graph.input, *graph.value_info, *graph.output]


def _sizes(value: onnx.ValueInfoProto) -> tuple[int | None, ...] | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)


def _static(file: str, where: str, sizes: tuple[int | None, ...] | None) -> Shape:
    if sizes is None or None in sizes:
        raise CompileError(
            f"{file}: {where}: the shape of its result is unknown; expected a static one, export "
            "with fixed sizes"
            if sizes is None or not where.startswith("input")
            else f"{file}: {where}: shape {_text(sizes)} is not static; export with fixed sizes"
        )
    shape = tuple(size for size in sizes if size is not None)
    if any(size <= 0 for size in shape):
        raise CompileError(
            f"{file}: {where}: shape {_text(shape)} holds nothing; expected sizes of 1 or more, "
            "export with fixed sizes"
        )
    if math.prod(shape) > MOST_BYTES:
        raise CompileError(
            f"{file}: {where}: shape {_text(shape)} has {math.prod(shape):,} numbers, the most is "
            f"{MOST_BYTES:,}; use a smaller input"
        )
    return shape


def _check_claims(model: onnx.ModelProto, file: str, shapes: dict[str, Shape]) -> None:
    """What the file says of its values agrees with what its operators say."""
    for value in [*model.graph.value_info, *model.graph.output]:
        claim, shape = _sizes(value), shapes.get(value.name)
        if claim is None or shape is None:
            continue
        if len(claim) != len(shape) or any(
            said is not None and said > 0 and said != size
            for said, size in zip(claim, shape, strict=True)
        ):
            raise CompileError(
                f"{file}: value {value.name!r}: the file says shape {_text(claim)}, its operators "
                f"give {_text(shape)}; export the network anew, or delete the file's value_info"
            )


def _text(sizes: Iterable[int | None]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in sizes) + ")"
