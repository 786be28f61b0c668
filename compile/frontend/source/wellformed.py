"""What a network must be before all else: each value has a name and is written once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx
from onnx import defs

from ...errors import CompileError
from ..rewrite.draft import DEFAULT, label


def check_text(file: str, model: onnx.ModelProto) -> None:
    """Checks that every text of the model is UTF-8; protobuf gives bytes where it is not.

    Raises:
        CompileError: a name or description that is no text.
    """
    todo: list[Any] = [model]
    while todo:
        one = todo.pop()
        if isinstance(one, onnx.NodeProto):
            _check_attributes(file, one)
        for field, value in one.ListFields():
            single = isinstance(value, str | bytes) or hasattr(value, "ListFields")
            values = [value] if single else value
            if field.type == field.TYPE_MESSAGE:
                todo.extend(values)
            elif field.type == field.TYPE_STRING and any(isinstance(v, bytes) for v in values):
                raise _error(file, f"its {field.full_name}", f"is no text ({value!r})")


def _check_attributes(file: str, node: onnx.NodeProto) -> None:
    """Texts of attributes are bytes to protobuf, and to who reads them names of modes."""
    for attribute in node.attribute:
        for text in (attribute.s, *attribute.strings):
            try:
                text.decode()
            except UnicodeDecodeError:
                where = f"{label(node)}: its {attribute.name}"
                raise _error(file, where, f"is no text ({text[:40]!r})") from None


def check_names(file: str, model: onnx.ModelProto) -> None:
    """Checks constants, ends and nodes of the model's own graph.

    Raises:
        CompileError: a name that is empty, given twice or written by nothing; an end that is no
            tensor; a constant in sparse form; operators for training; an operator without an
            input that it needs.
    """
    graph = model.graph
    if model.training_info:
        raise _error(file, "the model", "holds operators for training, expected none")
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        raise _error(file, f"constant {name!r}", "is sparse, expected a dense tensor")
    for value in [*graph.input, *graph.output]:
        if value.type.HasField("tensor_type") or not value.type.WhichOneof("value"):
            continue
        kind = value.type.WhichOneof("value").removesuffix("_type").replace("_", " ")
        raise _error(file, f"value {value.name!r}", f"is a {kind}, expected a tensor")
    for value in graph.input:
        if not value.type.tensor_type.HasField("shape"):
            raise _error(file, f"input {value.name!r}", "has no shape, expected one of fixed sizes")
    constants = [tensor.name for tensor in graph.initializer]
    inputs = [value.name for value in graph.input]
    written = [name for node in graph.node for name in node.output if name]
    for kind, names in (
        ("constant", constants),
        ("input", inputs),
        ("output", [value.name for value in graph.output]),
        ("value", [*written, *{*constants, *inputs}]),
    ):
        twice = next((name for name, count in Counter(names).items() if count > 1), None)
        if twice is not None:
            raise _error(file, f"{kind} {twice!r}", "is there twice, expected each name once")
        if "" in names:
            raise _error(file, "the graph", f"has, as {kind}, a value without a name")
    known = {*constants, *inputs, *written}
    for node in graph.node:
        _check_inputs(file, node, known)
    for value in graph.output:
        if value.name not in known:
            raise _error(file, f"output {value.name!r}", "is written by no node")


def _check_inputs(file: str, node: onnx.NodeProto, known: set[str]) -> None:
    for name in node.input:
        if name and name not in known:
            raise _error(file, label(node), f"reads {name!r}, which nothing writes")
    if node.domain not in DEFAULT or not defs.has(node.op_type):
        return
    for formal, name in zip(defs.get_schema(node.op_type).inputs, node.input, strict=False):
        if not name and formal.option == defs.OpSchema.FormalParameterOption.Single:
            raise _error(file, label(node), f"has no input {formal.name!r}, which it needs")


def _error(file: str, where: str, message: str) -> CompileError:
    return CompileError(
        f"{file}: not a valid ONNX file: {where} {message}; export the network anew"
    )
