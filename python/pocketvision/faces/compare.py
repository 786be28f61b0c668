"""Comparison of embeddings: cosine, verdicts that carry their evidence, and the nearest of many."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from .. import _runtime
from ..errors import InputError, shown
from ..runtime.arrays import integer
from ..runtime.model import Model
from ..runtime.shipped import resolve
from .calibration.place import beside
from .embedder import Embedder, record_of
from .embeddings import Identity, check_embeddings, identity_of
from .quality import Quality

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Verdict:
    """One answer with all that it rests on.

    ``score``: cosine, -1 to 1. ``same``: ``score >= threshold``. ``far``: share of pairs of
    different people that reach ``threshold`` on ``dataset`` with ``model``. ``interval``: 95 %
    bounds of the threshold at that rate, by bootstrap over people, where the record has them.
    ``quality``: of the worse of the two faces, and ``reasons`` why the answer is not reliable: what
    speaks against a face, or a match that is no nearer than those of strangers in such pictures;
    None and none where the embeddings carry no quality (``embed(..., return_quality=True)``).
    It has no truth value: whoever decides must look at ``same`` and should show the rest.
    """

    score: float
    threshold: float
    far: float
    dataset: str
    model: str
    same: bool
    interval: tuple[float, float] | None = None
    quality: Quality | None = None
    reasons: tuple[str, ...] = ()

    @property
    def reliable(self) -> bool | None:
        """Whether both faces are good enough for this answer; None where that is not known."""
        return False if self.reasons else None if self.quality is None else True

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a Verdict is not a bare yes or no: use verdict.same, and show verdict.score beside "
            "verdict.threshold"
        )

    def __str__(self) -> str:
        answer, sign = ("same person", ">=") if self.same else ("different people", "<")
        bounds = (
            "" if self.interval is None else f" [{self.interval[0]:.3f}, {self.interval[1]:.3f}]"
        )
        doubt = f"; not reliable: {', '.join(self.reasons)}" if self.reasons else ""
        return (
            f"{answer}: score {self.score:.3f} {sign} threshold {self.threshold:.3f}{bounds} "
            f"(false accept rate {self.far:g} on {self.dataset}, {self.model}){doubt}"
        )


def similarity(a: ArrayLike, b: ArrayLike) -> float | NDArray[np.float32]:
    """Cosine of embeddings: (D,) with (D,) gives a float; else every row with every row.

    (N, D) with (M, D) gives float32 (N, M); a single vector among matrices counts as one row.
    Raises InputError for different D, embeddings of two models, values that are not finite, or a
    vector of zeros.
    """
    identity_of(a, b)
    left, right = check_embeddings("a", a), check_embeddings("b", b)
    if left.shape[-1] != right.shape[-1]:
        raise InputError(f"b: expected {left.shape[-1]} values as in a, got {right.shape[-1]}")
    if left.ndim == 1 and right.ndim == 1:
        return _runtime.cosine(left, right)
    left, right = _unit("a", np.atleast_2d(left)), _unit("b", np.atleast_2d(right))
    matrix: NDArray[np.float32] = np.clip(left @ right.T, -1.0, 1.0)
    return matrix


def verify(
    a: ArrayLike,
    b: ArrayLike,
    *,
    model: str | os.PathLike[str] | Embedder | None = None,
    far: float = 1e-2,
) -> Verdict:
    """Whether two embeddings (D,) show one person, at a stated false accept rate.

    ``model``: the embedder that made both embeddings, or its name or path: thresholds are a
    model's own. What ``Embedder.embed`` returns knows its model; bare arrays, as from a file, need
    it said. ``far``: one of the rates that the model's record is calibrated for.
    Raises InputError for embeddings of two models, of another model than ``model``, of another
    size, without a model, or a rate that is not calibrated.
    """
    identity = _judge(a, b, model)
    record = identity.record
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
    bounds = entry.get("interval")
    qualities = [getattr(face, "quality", None) for face in (a, b)]
    known = [quality for quality in qualities if isinstance(quality, Quality)]
    margins = sorted(known, key=lambda quality: quality.margin)
    doubts = [quality.doubt(score, entry["threshold"]) for quality in margins[-1:]]
    return Verdict(
        score=score,
        threshold=entry["threshold"],
        far=entry["far"],
        dataset=entry["dataset"],
        model=record.full_name,
        same=score >= entry["threshold"],
        interval=None if bounds is None else (bounds[0], bounds[1]),
        quality=min(known, key=lambda quality: quality.score) if len(known) == 2 else None,
        reasons=tuple(
            f"{which} face: {reason}"
            for which, quality in zip(("first", "second"), qualities, strict=True)
            if isinstance(quality, Quality)
            for reason in quality.reasons
        )
        + tuple(filter(None, doubts)),
    )


def top_k(
    query: ArrayLike, gallery: ArrayLike, k: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` rows of ``gallery`` (N, D) nearest to ``query`` (D,) by cosine, best first.

    Returns int64 indices (k,) and float32 cosines (k,); equal cosines keep the order of the rows.
    Raises InputError for wrong shapes, values that are not finite, or k outside 1 to N.
    """
    identity_of(query, gallery)
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


def _judge(a: ArrayLike, b: ArrayLike, model: str | os.PathLike[str] | Embedder | None) -> Identity:
    """Whose thresholds judge the two."""
    own = identity_of(a, b)
    if model is None:
        if own is None:
            raise InputError(
                "model: expected the embedder that made both embeddings, or its name: bare arrays "
                "do not say, and thresholds are a model's own"
            )
        return own
    if isinstance(model, Embedder):
        judge = model.identity
    elif isinstance(model, str | os.PathLike):
        judge = _identity(model)
    else:
        raise InputError(
            "model: expected the embedder that made both embeddings, or its name, got "
            f"{shown(model)}"
        )
    for name, value in (("a", a), ("b", b)):
        maker = getattr(value, "identity", None)
        if isinstance(maker, Identity) and maker != judge:
            raise InputError(
                f"{name}: is an embedding of {maker}, so the thresholds of {judge} say nothing "
                "of it. Leave out model=, or embed the picture with that model."
            )
    return judge


def _identity(model: str | os.PathLike[str]) -> Identity:
    path = os.path.abspath(resolve(model))
    return _identity_of(path, tuple(map(_state, (path, os.fspath(beside(path))))))


def _state(path: str) -> tuple[int, ...] | None:
    """What another file of this name, or a changed one, has other."""
    state = os.stat(path) if os.path.exists(path) else None
    return state and (state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)
def _identity_of(path: str, _states: tuple[tuple[int, ...] | None, ...]) -> Identity:
    model = Model(path)
    return Identity(model.source_sha256, record_of(model))


def _unit(name: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    zero = np.flatnonzero(norms == 0)
    if zero.size:
        raise InputError(f"{name}: row {zero[0]} is all zeros, which has no direction")
    return np.ascontiguousarray(rows / norms, dtype=np.float32)
