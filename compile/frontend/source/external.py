"""Tensors that a model keeps in other files: read from beside the model, and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import TensorProto

from ...errors import CompileError

MOST_BYTES = 2**31 - 1
"""What the form of ONNX files (protobuf) holds in one tensor."""


def load_external(path: Path, model: onnx.ModelProto) -> list[bytes]:
    """Moves external data into the model; the files' contents, in order of their names.

    Raises:
        CompileError: a file that lies elsewhere, is absent, too large, or too short for its tensor.
    """
    contents: dict[str, bytes] = {}
    for tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        told = {entry.key: entry.value for entry in tensor.external_data}
        name = told.get("location", "")
        where = f"{path}: external data {name!r} of constant {tensor.name!r}"
        if name not in contents:
            contents[name] = _content(path, name, where)
        content = contents[name]
        try:
            start = int(told.get("offset", 0))
            end = start + int(told["length"]) if "length" in told else len(content)
        except ValueError as error:
            raise CompileError(f"{where}: its place is no number; export the model anew") from error
        if not 0 <= start <= end <= len(content):
            raise CompileError(
                f"{where}: expected bytes {start:,} to {end:,}, the file has {len(content):,}; "
                "copy it whole beside the model"
            )
        tensor.raw_data = content[start:end]
        del tensor.external_data[:]
        tensor.ClearField("data_location")
    return [contents[name] for name in sorted(contents)]


def tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Every tensor of the model: constants and attributes, those of inner graphs and functions."""
    graphs = [model.graph]
    lists = [function.node for function in model.functions]
    while graphs or lists:
        if graphs:
            graph = graphs.pop()
            yield from graph.initializer
            lists.append(graph.node)
        for node in lists.pop():
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                if attribute.HasField("g"):
                    graphs.append(attribute.g)
                graphs.extend(attribute.graphs)


def _content(path: Path, name: str, where: str) -> bytes:
    folder = path.parent.resolve()
    try:
        place = (folder / name).resolve()
        if Path(name).is_absolute() or ".." in Path(name).parts or not place.is_relative_to(folder):
            raise CompileError(
                f"{where}: lies outside the model's folder; put it beside the model and save the "
                "model anew (onnx.save with save_as_external_data)"
            )
        size = place.stat().st_size
        if size > MOST_BYTES:
            raise CompileError(
                f"{where}: has {size:,} bytes, the most is {MOST_BYTES:,}; use a smaller model"
            )
        return place.read_bytes()
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # no such file, a null byte, a loop of links
        if isinstance(error, CompileError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise CompileError(
            f"{where}: cannot be read ({reason}); copy it beside the model"
        ) from error
