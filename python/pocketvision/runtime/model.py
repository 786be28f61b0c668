"""The low-level interface: one compiled model, its tensors and its raw int8 or uint8 results."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError
from ..record import Record
from .lending import Lending

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensor = _runtime.Tensor


class Model:
    """A compiled model; any number of threads may use one.

    ``path``: a shared object that ``pocketvision compile`` wrote for this machine. It is native
    code: load only files that you trust. Raises FileNotFoundError, or ModelFileError for a file
    that is damaged, no model, of another version, or needs what this processor lacks.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
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
    def record(self) -> Record:
        """The model's record; ModelFileError when the one in the file is malformed."""
        try:
            return Record.from_json(self._library.record)
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

    @property
    def input(self) -> Tensor:
        """Name, dtype, shape (H, W, C), scale and zero point of the input."""
        return self._library.input

    @property
    def output(self) -> Tensor:
        """Name, dtype, shape (H, W, C), scale and zero point of the output."""
        return self._library.output

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

    def run(self, data: NDArray[Any]) -> NDArray[Any]:
        """Run once on stored values: (H, W, C) of ``input`` to (H, W, C) of ``output``.

        Raises InputError for another type or shape, RunError when the model fails.
        """
        if not isinstance(data, np.ndarray):
            raise InputError(f"input: expected a numpy array, got {type(data).__name__}")
        with self.session() as session:
            return session.run(np.ascontiguousarray(data))
