"""Comparison of embeddings: cosine, verdicts that carry their evidence, and the nearest of many."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from .. import _runtime
from ..errors import InputError, shown
from ..record import Record
from ..runtime.arrays import integer, numbers
from ..runtime.model import Model
from ..runtime.shipped import resolve
from .embedder import Embedder, record_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Verdict:
    """One answer with all that it rests on.

    ``score``: cosine, -1 to 1. ``same``: ``score >= threshold``. ``far``: share of pairs of
    different people that reach ``threshold`` on ``dataset`` with ``model``. It has no truth value:
    whoever decides must look at ``same`` and should show the rest.
    """

    score: float
    threshold: float
    far: float
    dataset: str
    model: str
    same: bool

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a Verdict is not a bare yes or no: use verdict.same, and show verdict.score beside "
            "verdict.threshold"
        )

    def __str__(self) -> str:
        answer, sign = ("same person", ">=") if self.same else ("different people", "<")
        return (
            f"{answer}: score {self.score:.3f} {sign} threshold {self.threshold:.3f} "
            f"(false accept rate {self.far:g} on {self.dataset}, {self.model})"
        )


def similarity(a: ArrayLike, b: ArrayLike) -> float | NDArray[np.float32]:
    """Cosine of embeddings: (D,) with (D,) gives a float; else every row with every row.

    (N, D) with (M, D) gives float32 (N, M); a single vector among matrices counts as one row.
    Raises InputError for different D, values that are not finite, or a vector of zeros.
    """
    left, right = check_embeddings("a", a), check_embeddings("b", b)
    if left.shape[-1] != right.shape[-1]:
        raise InputError(f"b: expected {left.shape[-1]} values as in a, got {right.shape[-1]}")
    if left.ndim == 1 and right.ndim == 1:
        return _runtime.cosine(left, right)
    left, right = _unit("a", np.atleast_2d(left)), _unit("b", np.atleast_2d(right))
    matrix: NDArray[np.float32] = np.clip(left @ right.T, -1.0, 1.0)
    return matrix


def verify(
    a: ArrayLike, b: ArrayLike, *, model: str | os.PathLike[str] | Embedder, far: float = 1e-2
) -> Verdict:
    """Whether two embeddings (D,) show one person, at a stated false accept rate.

    ``model``: the embedder that made both embeddings, or its name or path: thresholds are a
    model's own. ``Embedder.name`` and ``Verdict.model`` of a shipped model are such names.
    ``far``: one of the rates that the model's record is calibrated for. Raises InputError for
    embeddings of another size or a rate that is not calibrated.
    """
    if not isinstance(model, Embedder | str | os.PathLike):
        raise InputError(
            "model: expected the embedder that made both embeddings, or its name, got "
            f"{shown(model)}"
        )
    record = model.record if isinstance(model, Embedder) else _record(model)
    pair = [check_embeddings(name, value) for name, value in (("a", a), ("b", b))]
    for name, value in zip("ab", pair, strict=True):
        if value.shape != (record.embedding,):
            raise InputError(
                f"{name}: expected one embedding of {record.full_name}, shape "
                f"({record.embedding},), got shape {value.shape}"
            )
    score = similarity(*pair)
    assert isinstance(score, float)
    try:
        entry = record.threshold_at(far)
    except ValueError as error:
        raise InputError(str(error)) from None
    return Verdict(
        score=score,
        threshold=entry["threshold"],
        far=entry["far"],
        dataset=entry["dataset"],
        model=record.full_name,
        same=score >= entry["threshold"],
    )


def top_k(
    query: ArrayLike, gallery: ArrayLike, k: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` rows of ``gallery`` (N, D) nearest to ``query`` (D,) by cosine, best first.

    Returns int64 indices (k,) and float32 cosines (k,); equal cosines keep the order of the rows.
    Raises InputError for wrong shapes, values that are not finite, or k outside 1 to N.
    """
    wanted, rows = (
        check_embeddings("query", query),
        np.atleast_2d(check_embeddings("gallery", gallery)),
    )
    if wanted.ndim != 1:
        raise InputError(f"query: expected one embedding of shape (D,), got {wanted.shape}")
    if rows.shape[1] != len(wanted):
        raise InputError(f"gallery: expected {len(wanted)} values as in query, got {rows.shape[1]}")
    k = integer("k", k, f"an integer from 1 to {len(rows)} gallery rows", 1, len(rows))
    return _runtime.top_k(_unit("query", wanted[np.newaxis])[0], _unit("gallery", rows), k)


def _record(model: str | os.PathLike[str]) -> Record:
    path = os.path.abspath(resolve(model))
    state = os.stat(path) if os.path.exists(path) else None
    return _record_of(path, state and (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=16)
def _record_of(path: str, _state: tuple[int, ...] | None) -> Record:
    return record_of(Model(path))


def check_embeddings(name: str, value: ArrayLike) -> NDArray[np.float32]:
    """Dense float32 (D,) or (N, D) with finite values; InputError for anything else."""
    array = numbers(name, value, np.float32)
    if array.ndim not in (1, 2) or array.size == 0:
        raise InputError(
            f"{name}: expected embeddings of shape (D,) or (N, D), not empty, got shape "
            f"{array.shape}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name}: contains NaN or infinity, so it is no embedding")
    return array


def _unit(name: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    zero = np.flatnonzero(norms == 0)
    if zero.size:
        raise InputError(f"{name}: row {zero[0]} is all zeros, which has no direction")
    return np.ascontiguousarray(rows / norms, dtype=np.float32)
