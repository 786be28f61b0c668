"""A model file and its external data: bytes, hash, and what makes it a well-formed network."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import onnx
from onnx import defs

from ...errors import CompileError
from ..rewrite.draft import DEFAULT, first_line, ordered
from .external import load_external
from .functions import inline_functions
from .wellformed import check_names, check_text

OLDEST, NEWEST = 9, defs.onnx_opset_version()


def read(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model with external data and functions within, nodes in order, and the hash of its bytes.

    Raises:
        CompileError: the file or its data cannot be read, it is no valid ONNX, or of an opset that
            cannot be upgraded.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CompileError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf raises types of its own
        raise invalid(path, error) from error
    check_text(path.name, model)
    sha256 = hashlib.sha256(content)
    for data in load_external(path, model):
        sha256.update(data)
    if not model.graph.node:
        raise CompileError(
            f"{path}: not a valid ONNX file (it holds no operator); expected an int8 one, which "
            "`pocketvision quantize` writes"
        )
    _check_opset(path, model)
    check_names(path.name, model)
    nodes = ordered(path.name, model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    shapeless = [v for v in model.graph.output if not v.type.tensor_type.HasField("shape")]
    try:
        for value in shapeless:  # the checker asks for one, inference finds it
            value.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(model)
    except Exception as error:  # onnx raises types of its own for each defect
        raise invalid(path, error) from error
    for value in shapeless:
        value.type.tensor_type.ClearField("shape")
    return inline_functions(path.name, model), sha256.hexdigest()


def invalid(path: Path, error: Exception) -> CompileError:
    """The error for a file that protobuf or onnx's checker refuses."""
    node = re.search(r"Name: (.*?) OpType: (\w+)", str(error))
    where = f"node {node[1]!r} ({node[2]}): " if node else ""
    return CompileError(
        f"{path}: not a valid ONNX file ({where}{first_line(error)}); expected an int8 one, "
        "which `pocketvision quantize` writes"
    )


def _check_opset(path: Path, model: onnx.ModelProto) -> None:
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT]
    if len(set(versions)) != 1:
        raise CompileError(
            f"{path}: not a valid ONNX file (it names {len(set(versions))} opsets of the standard, "
            "expected one); export it anew with opset 17 or later"
        )
    if versions[0] < OLDEST:
        raise CompileError(
            f"{path}: is of opset {versions[0]}, the oldest that can be upgraded is {OLDEST}; "
            "export it anew with opset 17 or later"
        )
    if versions[0] > NEWEST:
        raise CompileError(
            f"{path}: is of opset {versions[0]}, the installed onnx {onnx.__version__} knows "
            f"{NEWEST}; type `pip install --upgrade onnx`, or export it with opset 21"
        )
    if model.ir_version > onnx.IR_VERSION:
        raise CompileError(
            f"{path}: is of IR version {model.ir_version}, the installed onnx {onnx.__version__} "
            f"knows {onnx.IR_VERSION}; type `pip install --upgrade onnx`, or export it with IR 10"
        )
