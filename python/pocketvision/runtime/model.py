"""Any compiled network, of faces or not: its tensors, and running it on stored or real values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError, shown
from ..record import Record
from .lending import Lending
from .shipped import resolve
from .tensors import Tensor, check, dequantised, in_order, quantised

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_RECORD = (b"", b"{}")
"""What the compiler writes for an int8 file that has no record."""


class Model:
    """A compiled network; any number of threads may use one.

    >>> model = pocketvision.Model("detector.x86-64-vnni.so")
    >>> model.inputs                        # a Tensor each: name, dtype, shape, scale, zero_point
    >>> model.run(picture)                  # float32 in, float32 out; int8 in, int8 out

    ``model``: path of a shared object that ``pocketvision compile`` wrote for this machine, or the
    name of a shipped model. It is native code: load only files that you trust. ``target``: forces
    a compiled variant of a shipped model. Raises InputError for an unknown name, FileNotFoundError,
    or ModelFileError for a file that is damaged, no model, of another version, or needs what this
    processor lacks.
    """

    def __init__(self, model: str | os.PathLike[str], *, target: str | None = None) -> None:
        self.path = os.path.abspath(resolve(model, target))
        if not os.path.exists(self.path):
            raise FileNotFoundError(f"{self.path}: no such compiled model")
        if os.path.isdir(self.path):
            raise ModelFileError(f"{self.path}: expected a compiled model (.so), got a folder")
        if self.path.endswith(".onnx"):
            raise ModelFileError(
                f"{self.path}: expected a compiled model (.so), got an ONNX file. "
                "Compile it first: pocketvision compile MODEL.onnx --target T --out DIR"
            )
        self._library = _runtime.Library(self.path)
        self._sessions = Lending(partial(_runtime.Session, self._library))

    def __repr__(self) -> str:
        return f"Model({self.path!r}, target={self.target!r})"

    @cached_property
    def record(self) -> Record | None:
        """The model's record, None for a network without; ModelFileError for a malformed one."""
        text = self._library.record
        if text.strip() in NO_RECORD:
            return None
        try:
            return Record.from_json(text)
        except ValueError as error:
            raise ModelFileError(f"{self.path}: {error}. Compile the model again.") from error

    @property
    def target(self) -> str:
        """What it was compiled for, such as ``x86-64-vnni``."""
        return self._library.target

    @property
    def source_sha256(self) -> str:
        """SHA-256 of the int8 ONNX file that it was compiled from."""
        return self._library.source_sha256

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """Name, dtype, shape, scale and zero point of each input, in the model's order."""
        return self._library.inputs

    @cached_property
    def outputs(self) -> tuple[Tensor, ...]:
        """The same of each output."""
        return self._library.outputs

    @property
    def arena_bytes(self) -> int:
        """Scratch memory that each session holds, in bytes."""
        return self._library.arena_bytes

    def session(self) -> AbstractContextManager[_runtime.Session]:
        """Borrow a session that no other thread holds; it is kept for the next borrower."""
        return self._sessions.borrow()

    def workers(self, threads: int) -> _runtime.Workers:
        """New threads on this model, each with an arena; they end when the object is gone."""
        return _runtime.Workers(self._library, threads)

    def run(
        self,
        data: NDArray[Any] | Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]],
        *,
        dequantise: bool | None = None,
    ) -> NDArray[Any] | dict[str, NDArray[Any]]:
        """Run the network on one array per input.

        ``data``: the array of the only input, a list or tuple of arrays in the order of
        ``inputs``, or a dict by name. An array of the input's own dtype (int8 or uint8) holds
        stored values and goes in as it is; floats are real values, which are quantised:
        ``round(real / scale) + zero_point``, halves to even, saturated, unless the input is of
        float32 itself. Its shape is the input's; with one axis more in front, of the same length N
        for all inputs, the network runs N times.
        ``dequantise``: whether results are real values, ``scale * (stored - zero_point)`` in
        float32, or stored ones; None: real where an input is. Outputs of float32 are always real.
        Returns the array of the only output, or a dict by name where there are several; shapes
        are those of ``outputs``, behind an axis of N if the inputs have one.
        Raises InputError that names the input for other names, types and shapes and for values
        that are not finite, RunError when the model fails.
        """
        if dequantise is not None and not isinstance(dequantise, bool):
            raise InputError(f"dequantise: expected True, False or None, got {shown(dequantise)}")
        values = [
            check(tensor, value)
            for tensor, value in zip(self.inputs, in_order(data, self.inputs), strict=True)
        ]
        batch = self._batch(values)
        real = any(value.dtype.kind == "f" for value in values)
        stored = [quantised(t, value) for t, value in zip(self.inputs, values, strict=True)]
        with self.session() as session:
            if batch is None:
                results = session.run(stored)
            else:
                runs = [session.run([value[i] for value in stored]) for i in range(batch)]
                results = [np.stack(rows) for rows in zip(*runs, strict=True)]
        if real if dequantise is None else dequantise:
            results = [dequantised(t, r) for t, r in zip(self.outputs, results, strict=True)]
        if len(results) == 1:
            return results[0]
        return {tensor.name: r for tensor, r in zip(self.outputs, results, strict=True)}

    def _batch(self, values: list[NDArray[Any]]) -> int | None:
        """The length of the axis of batches; None where there is none."""
        found = [
            None if value.ndim == len(tensor.shape) else len(value)
            for tensor, value in zip(self.inputs, values, strict=True)
        ]
        for tensor, size in zip(self.inputs, found, strict=True):
            if size != found[0]:
                first, other = (
                    "no axis of batches" if n is None else f"a batch of {n}"
                    for n in (found[0], size)
                )
                raise InputError(
                    f"input {tensor.name!r}: expected {first}, as {self.inputs[0].name!r} has, "
                    f"got {other}"
                )
        return found[0]
