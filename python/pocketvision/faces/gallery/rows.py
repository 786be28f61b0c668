"""Embeddings that come from callers, checked: of the gallery's model, brought to length 1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, shown
from ...record import Record
from ...runtime.model import Model as CompiledModel
from ...runtime.shipped import resolve
from ..embedder import Embedder, record_of
from ..embeddings import Identity, check_embeddings
from .contents import Model

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Rows:
    """``vectors``: float32 (N, D) of length 1. ``qualities``: of each, or None. ``single``: whether
    one embedding came and not a matrix. ``record``: of the model that they name, if they do."""

    vectors: NDArray[np.float32]
    qualities: tuple[Any, ...]
    single: bool
    record: Record | None

    def __repr__(self) -> str:
        return f"Rows({len(self.vectors)})"


def model_of(model: str | os.PathLike[str] | Embedder) -> tuple[Model, Record]:
    """What a gallery notes of a model, and the record; InputError for no face embedder."""
    if not isinstance(model, Embedder | str | os.PathLike):
        raise InputError(
            f"model: expected the embedder that makes the embeddings, or its name, got "
            f"{shown(model)}"
        )
    if isinstance(model, Embedder):
        record, source = model.record, model.model.source_sha256
    else:
        compiled = CompiledModel(resolve(model))
        record, source = record_of(compiled), compiled.source_sha256
    return Model(record.full_name, source, record.embedding), record


def rows_of(model: Model, where: str, value: ArrayLike, quality: Any = None) -> Rows:
    """``value`` (N, D) or (D,) as rows; InputError for other shapes and for another model's.

    ``quality``: a ``Quality`` for each; those that ``value`` carries where it is None.
    """
    record = None
    for identity in _identities(value):
        record = identity.record
        if identity.source_sha256 != model.source_sha256:
            raise InputError(
                f"{where}: of the model {identity} (source_sha256 {identity.source_sha256[:12]}...)"
                f", and the gallery is one of {model.name} ({model.source_sha256[:12]}...); "
                "embeddings of the two do not compare"
            )
    array = np.asarray(value) if isinstance(value, np.ndarray) else value
    if isinstance(array, np.ndarray) and array.ndim == 2 and len(array) == 0:
        vectors = np.empty((0, model.dimension), np.float32)
        return Rows(vectors, (), False, record)
    found = check_embeddings(where, array)
    if found.shape[-1] != model.dimension:
        raise InputError(
            f"{where}: expected {model.dimension} values of {model.name}, got shape {found.shape}"
        )
    matrix = np.atleast_2d(found)
    lengths = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
    if not lengths.all():
        row = int(np.flatnonzero(lengths == 0)[0])
        raise InputError(f"{where}: row {row} is all zeros, which has no direction")
    unit = np.ascontiguousarray(matrix / lengths, dtype=np.float32)
    return Rows(unit, _qualities(value, quality, len(unit)), found.ndim == 1, record)


def _identities(value: Any) -> Iterator[Identity]:
    for part in value if isinstance(value, list | tuple) else [value]:
        identity = getattr(part, "identity", None)
        if isinstance(identity, Identity):
            yield identity


def _qualities(value: Any, given: Any, count: int) -> tuple[Any, ...]:
    found: Any = getattr(value, "quality", None) if given is None else given
    if given is None and isinstance(value, list | tuple):
        found = [getattr(part, "quality", None) for part in value]
    several = isinstance(found, list | tuple) or (isinstance(found, np.ndarray) and found.ndim == 1)
    items: Any = found if several else [found] * count
    if len(items) != count or not all(_is_quality(one) for one in items):
        raise InputError(
            f"quality: expected a Quality for each of {count} embeddings, got {shown(found)}"
        )
    return tuple(items)


def _is_quality(value: Any) -> bool:
    return value is None or (hasattr(value, "reliable") and hasattr(value, "reasons"))
