"""Enrolment with its checks: quality, the same picture again, people known under another name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, shown
from ...record import Record
from ..open_set import OpenSet, open_set
from .contents import Contents, Note, checked_name
from .rows import Rows, rows_of
from .search import AT_ONCE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SAME = 0.99999
"""From this cosine on two embeddings are of one picture: what float32 loses of 1 is 1e-7."""

NOTICED = (0.001, 0.01)
"""Rates at which someone counts as known under another name: the first that the record has."""

PICTURE_CHARACTERS = 4096


@dataclass(frozen=True)
class Enrolment:
    """What an enrolment did.

    ``added``: templates that are new. ``already``: rows that this person had, the same picture.
    ``like``: other people whom the new templates match, with the score; they were let pass.
    """

    name: str
    added: int
    already: int = 0
    like: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        text = f"{self.name}: {self.added} added"
        if self.already:
            text += f", {self.already} already there"
        if self.like:
            others = ", ".join(f"{shown(name)} ({score:.3f})" for name, score in self.like)
            text += f", like {others}"
        return text


def enrolled(
    now: Contents,
    record: Record | None,
    name: str,
    embeddings: ArrayLike,
    quality: Any,
    picture: str | Sequence[str | None] | None,
    allow_duplicate: bool,
    allow_unreliable: bool,
) -> tuple[Contents, Enrolment]:
    """Contents with further templates of a person, see ``Gallery.enrol``."""
    text = checked_name(name)
    rows = rows_of(now.model, "embeddings", embeddings, quality)
    if len(rows.vectors) == 0:
        raise InputError("embeddings: expected at least one face, got none")
    notes = _notes(rows, picture)
    if not allow_unreliable:
        _check_quality(text, rows)
    found, person = now.person_or_new(text)
    wide = now.model.dimension
    own = found.vectors[(found.owners == person) & ~found.against].reshape(-1, wide)
    fresh = _fresh(own, rows.vectors)
    vectors = rows.vectors[fresh]
    like = _others(now, record or rows.record, person, vectors)
    if like and not allow_duplicate:
        other, score, threshold = like[0]
        why = (
            f"the picture is one of {shown(other)}, who is enrolled"
            if score >= SAME
            else f"looks like {shown(other)}, who is enrolled (score {score:.3f} >= threshold "
            f"{threshold:.3f})"
        )
        raise InputError(
            f"{text}: {why}. If it is the same person, enrol under that name or merge the two; "
            "if not, allow the duplicate (allow_duplicate=True, or --allow-duplicate)"
        )
    answer = Enrolment(
        name=text,
        added=len(fresh),
        already=len(notes) - len(fresh),
        like=tuple((other, score) for other, score, _ in like),
    )
    if not fresh:
        return now, answer
    return found.with_faces(person, False, vectors, [notes[row] for row in fresh]), answer


def rejected(
    now: Contents, name: str, embeddings: ArrayLike, picture: str | None
) -> tuple[Contents, int]:
    """Contents with further examples of who is not a person, see ``Gallery.reject``."""
    person = now.present(name)
    rows = rows_of(now.model, "embedding", embeddings)
    notes = _notes(rows, picture)
    vectors = now.vectors.reshape(-1, now.model.dimension)
    own = now.owners == person
    if len(_fresh(vectors[own & ~now.against], rows.vectors)) < len(
        _fresh(vectors[:0], rows.vectors)
    ):
        raise InputError(
            f"embedding: is a template of {shown(now.names[person])}; enrol the person anew "
            "without it, or under the right name"
        )
    fresh = _fresh(vectors[own & now.against], rows.vectors)
    if not fresh:
        return now, 0
    chosen = [notes[row] for row in fresh]
    return now.with_faces(person, True, rows.vectors[fresh], chosen), len(fresh)


def _notes(rows: Rows, picture: str | Sequence[str | None] | None) -> list[Note]:
    count = len(rows.vectors)
    pictures: list[Any] = list(picture) if isinstance(picture, list | tuple) else [picture] * count
    texts = (one is None or isinstance(one, str) for one in pictures)
    if len(pictures) != count or not all(texts):
        raise InputError(f"picture: expected a text for each of {count} embeddings")
    if any(len(one) > PICTURE_CHARACTERS for one in pictures if one is not None):
        raise InputError(f"picture: expected at most {PICTURE_CHARACTERS} characters")
    return [
        # Names of files may hold bytes that are no UTF-8.
        Note(
            None if one is None else int(one.score),
            tuple(" ".join(str(why).split()) for why in _against(one)),
            None if where is None else where.encode(errors="backslashreplace").decode(),
        )
        for one, where in zip(rows.qualities, pictures, strict=True)
    ]


def _check_quality(name: str, rows: Rows) -> None:
    for row, quality in enumerate(rows.qualities):
        if against := _against(quality):
            which = "" if rows.single else f", face {row}"
            raise InputError(
                f"{name}{which}: not enrolled, as it is of too low quality ({quality.score} of "
                f"100): {'; '.join(against)}. Take a better picture, leave it out (--skip-bad), or "
                "allow it (allow_unreliable=True, --allow-unreliable)"
            )


def _against(quality: Any) -> tuple[str, ...]:
    """Why a face is not enrolled: more may be asked of one that stays than of a query."""
    why: tuple[str, ...] = getattr(quality, "why_not_enrolled", getattr(quality, "reasons", ()))
    return why


def _fresh(known: NDArray[np.float32], vectors: NDArray[np.float32]) -> list[int]:
    """The rows of ``vectors`` that are none of ``known``, and none of the rows before them."""
    found: list[int] = []
    for start in range(0, len(vectors), AT_ONCE):
        part = vectors[start : start + AT_ONCE]
        there = (part @ known.T >= SAME).any(axis=1)
        twice = np.triu(part @ part.T >= SAME, 1).any(axis=0)
        fresh = np.flatnonzero(~there & ~twice)
        known = np.concatenate([known, part[fresh]])
        found += (fresh + start).tolist()
    return found


def _others(
    now: Contents, record: Record | None, person: int, vectors: NDArray[np.float32]
) -> list[tuple[str, float, float]]:
    """Other people whom the vectors match: name, score, threshold; the nearest first."""
    searched = now.searched & (now.owners != person)
    if not searched.any() or not len(vectors):
        return []
    parts = (vectors[start : start + AT_ONCE] for start in range(0, len(vectors), AT_ONCE))
    best_scores = [(now.vectors @ part.T).max(axis=1) for part in parts]
    scores = np.where(searched, np.max(best_scores, axis=0), -2.0)
    owners = now.owners[now.searched]
    known = _noticed(record, len(owners), len(np.unique(owners)))
    threshold = min(SAME, known.threshold) if known else SAME
    best: dict[int, float] = {}
    for row in np.flatnonzero(scores >= threshold).tolist():
        owner = int(now.owners[row])
        best[owner] = max(best.get(owner, -1.0), float(scores[row]))
    order = sorted(best, key=lambda owner: -best[owner])
    return [(now.names[owner], best[owner], threshold) for owner in order]


def _noticed(record: Record | None, size: int, people: int) -> OpenSet | None:
    """The threshold from which two people are one; None where the record has no such."""
    if record is None:
        return None
    for fpir in NOTICED:
        try:
            return open_set(record, fpir, size, people)
        except InputError:
            continue
    return None
