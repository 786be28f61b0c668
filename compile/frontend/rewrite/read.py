"""A model file and its external data: bytes, hash and the checks that need no shapes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx

from ...errors import CompileError
from .draft import first_line


def read(path: Path) -> tuple[onnx.ModelProto, str]:
    """The model as the file has it, external data within, and the hash of all that was read.

    Raises:
        CompileError: the file or its data cannot be read, or it is no valid ONNX.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CompileError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # onnx and protobuf raise types of their own for each defect
        raise CompileError(
            f"{path}: not a valid ONNX file ({first_line(error)}); expected an int8 one, "
            "which `pocketvision quantize` writes"
        ) from error
    return model, hashlib.sha256(content).hexdigest()
