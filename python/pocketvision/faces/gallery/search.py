"""The people of a gallery who are most like a probe: a person counts by the best template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import _runtime
from ...errors import InputError, shown
from ...record import Record
from ..open_set import OpenSet, open_set
from .answer import Identification
from .contents import Contents
from .rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 64
"""Rows whose scores with all templates are in memory at a time."""

_ROUNDING = 1e-6
"""Of float32 sums: one and the same vector as template and as example rules nobody out."""

_OUT = -2.0
"""Below every cosine: the score of someone whom an example rules out."""


class Match(NamedTuple):
    """A person, and the face of theirs that is most like the probe: index in ``Contents``."""

    person: int
    face: int
    score: float


class Ranking(NamedTuple):
    """Of one probe: the two nearest people, and who would be nearer but for an example."""

    matches: tuple[Match, ...]
    ruled_out: tuple[Match, ...]


class Index:
    """The templates of those who are there, person by person, and their counter-examples."""

    def __init__(self, contents: Contents) -> None:
        def rows(wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
            found = np.flatnonzero(wanted)
            return found[np.argsort(contents.owners[found], kind="stable")]

        self._rows = rows(contents.searched)
        self._vectors = np.ascontiguousarray(contents.vectors[self._rows])
        self._people, self._starts = np.unique(contents.owners[self._rows], return_index=True)
        # Of people without a template there is nothing to rule out.
        against = rows(contents.against & np.isin(contents.owners, self._people))
        self._against = np.ascontiguousarray(contents.vectors[against])
        self._whom = np.searchsorted(self._people, contents.owners[against])

    @property
    def size(self) -> int:
        """Templates that are searched."""
        return len(self._rows)

    @property
    def people(self) -> int:
        """Whose templates they are."""
        return len(self._people)

    def rank(self, probes: NDArray[np.float32]) -> Iterator[Ranking]:
        """For each row of length 1 of ``probes`` (N, D)."""
        for start in range(0, len(probes), AT_ONCE):
            chunk = probes[start : start + AT_ONCE]
            if self.size == 0:
                yield from (Ranking((), ()) for _ in chunk)
                continue
            for probe, scores in zip(chunk, chunk @ self._vectors.T, strict=True):
                yield self._rank(probe, scores)

    def _rank(self, probe: NDArray[np.float32], scores: NDArray[np.float32]) -> Ranking:
        best = np.maximum.reduceat(scores, self._starts)
        against = np.full(len(best), _OUT, np.float32)
        np.maximum.at(against, self._whom, self._against @ probe)
        out = against > best + _ROUNDING
        left = np.where(out, np.float32(_OUT), best)
        matches = []
        for _ in range(min(2, len(left) - int(out.sum()))):
            place = int(np.argmax(left))
            matches.append(self._match(place, probe, scores))
            left[place] = -np.inf
        # Those two scores are of float32 sums; of the exact ones the larger is the first.
        matches.sort(key=lambda match: -match.score)
        least = matches[0].score if matches else _OUT
        gone = [self._match(place, probe, scores) for place in np.flatnonzero(out).tolist()]
        return Ranking(tuple(matches), tuple(match for match in gone if match.score > least))

    def _match(self, place: int, probe: NDArray[np.float32], scores: NDArray[np.float32]) -> Match:
        start = self._starts[place]
        end = self._starts[place + 1] if place + 1 < len(self._starts) else len(scores)
        row = int(start + np.argmax(scores[start:end]))
        # As similarity() and verify() compute it.
        score = _runtime.cosine(probe, self._vectors[row])
        return Match(int(self._people[place]), int(self._rows[row]), score)


def identify(
    contents: Contents,
    index: Index,
    record: Record | None,
    probes: Rows,
    fpir: float,
    threshold: float | None,
) -> list[Identification]:
    """An answer for each row of ``probes``, see ``Gallery.identify``."""
    calibrated: OpenSet | None = None
    if threshold is not None:
        threshold = _number("threshold", threshold, -1.0, 1.0)
    else:
        rate = _number("fpir", fpir, 0.0, 1.0)
        known = record or probes.record
        if known is None:
            raise InputError(
                "model: thresholds are a model's own, so open the gallery with the embedder that "
                "makes the embeddings, or its name (model=)"
            )
        if index.size:
            calibrated = open_set(known, rate, index.size, index.people)
            threshold = calibrated.threshold
    return [
        _answer(contents, index, ranking, threshold, calibrated, quality)
        for ranking, quality in zip(index.rank(probes.vectors), probes.qualities, strict=True)
    ]


def _answer(
    contents: Contents,
    index: Index,
    ranking: Ranking,
    threshold: float | None,
    known: OpenSet | None,
    quality: Any,
) -> Identification:
    names = [contents.names[match.person] for match in ranking.matches]
    scores = [match.score for match in ranking.matches]
    reached = [threshold is not None and score >= threshold for score in scores]
    reasons = list(getattr(quality, "reasons", ()))
    if index.people == 0:
        reasons.append("nobody is enrolled")
    elif index.people == 1:
        reasons.append("one person is enrolled, so nobody else's score stands beside this one")
    if known is None and index.people:
        reasons.append("the threshold is not calibrated, so its rate is unknown")
    if known is not None and known.extrapolated:
        reasons.append(f"the threshold is extrapolated to {index.size} templates")
    if any(reached) and threshold is not None:
        doubt = getattr(quality, "doubt", None)
        if doubt is not None and (said := doubt(scores[0], threshold)):
            reasons.append(said)
        reasons += [
            f"the enrolled face: {why}" for why in contents.notes[ranking.matches[0].face].reasons
        ]
        if all(reached[1:]) and len(reached) > 1:
            reasons.append("the runner-up reaches the threshold too")
    return Identification(
        name=names[0] if any(reached) else None,
        score=scores[0] if scores else None,
        threshold=threshold,
        fpir=known.fpir if known else None,
        interval=known.interval if known else None,
        dataset=known.dataset if known else None,
        model=contents.model.name,
        size=index.size,
        people=index.people,
        nearest=names[0] if names else None,
        runner_up=names[1] if len(names) > 1 else None,
        runner_up_score=scores[1] if len(scores) > 1 else None,
        ruled_out=tuple(
            contents.names[match.person]
            for match in ranking.ruled_out
            if threshold is not None and match.score >= threshold
        ),
        reasons=tuple(reasons),
        quality=quality,
    )


def _number(name: str, value: Any, low: float, high: float) -> float:
    kinds = int | float | np.integer | np.floating
    if isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise InputError(f"{name}: expected a number from {low:g} to {high:g}, got {shown(value)}")
