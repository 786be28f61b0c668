"""Runs an ONNX file as it stands in onnxruntime and gives the values in the middle of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

KINDS: dict[str, np.dtype] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(uint8)": np.dtype(np.uint8),
}
"""Types of inputs that values can be made up for."""


class IncomparableError(Exception):
    """onnxruntime is not installed, or does not run the file; the message says which."""


@dataclass(frozen=True)
class Entry:
    """An input of the file."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


def installed() -> bool:
    """Whether onnxruntime can be imported."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return False
    return True


class FileRun:
    """A file in onnxruntime, graph optimisation off and one thread: the file's own meaning."""

    def __init__(self, path: Path, values: Iterable[str]):
        """``values`` are wanted beside the outputs; those that the file does not have are not.

        Raises:
            IncomparableError: onnxruntime is absent or refuses the file.
        """
        if not installed():
            raise IncomparableError("onnxruntime is not installed; pip install onnxruntime")
        import onnxruntime

        try:
            model = onnx.load(path)
            self.constants = {
                constant.name: numpy_helper.to_array(constant)
                for constant in model.graph.initializer
                if constant.name in set(values)
            }
            written = {name for node in model.graph.node for name in node.output if name}
            self.outputs = tuple(output.name for output in model.graph.output)
            more = sorted((set(values) & written) - set(self.outputs))
            model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in more)
            options = onnxruntime.SessionOptions()
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._session: Any = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises a type of its own for each status
            raise IncomparableError(_refusal(error)) from error

    def entries(self, sizes: Mapping[str, int]) -> list[Entry]:
        """The inputs in the file's order; ``sizes``: how many values each has, for open shapes.

        Raises:
            IncomparableError: an input of another type, or with several open axes.
        """
        found = []
        for one in self._session.get_inputs():
            if one.type not in KINDS:
                raise IncomparableError(f"input {one.name!r} is {one.type}")
            shape = [size if isinstance(size, int) else -1 for size in one.shape]
            if shape and shape[0] == -1:
                shape[0] = 1
            if shape.count(-1) > 1:
                raise IncomparableError(f"input {one.name!r} has open axes: {one.shape}")
            known = math.prod(size for size in shape if size != -1)
            fixed = tuple(sizes[one.name] // known if size == -1 else size for size in shape)
            found.append(Entry(one.name, fixed, KINDS[one.type]))
        return found

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every wanted value, the outputs, the inputs and the wanted constants, by name."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            results = self._session.run(names, dict(feed))
        except Exception as error:  # as above
            raise IncomparableError(_refusal(error)) from error
        return {**self.constants, **feed, **dict(zip(names, results, strict=True))}


def _refusal(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return f"onnxruntime does not run the file: {text.splitlines()[0]}"
