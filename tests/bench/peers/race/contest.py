"""Who enters the main run: the fastest right configuration of each runtime and precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pocketvision.bench.measure import stopwatch, take_turns

from ..candidate import Absent, Candidate, Configured, Example, Runner
from ..runtimes.child import Child

LEAST_COSINE = 0.95
"""Cosine to onnxruntime's float embedding below which a candidate's time is void."""
LEAST_COSINE_OWN = 0.8
"""The same for int8 of a peer's own quantiser: it has few pictures to measure from, no training
crops, which costs it closeness and no time. The table shows the cosine."""
PROBE_ROUNDS = 7

Note = Callable[[str], None]


@dataclass(frozen=True)
class Faces:
    """The same crops normalised for the int8 file and for the float files."""

    int8: list[Example]
    floats: list[Example]

    def of(self, candidate: Configured) -> list[Example]:
        """Peers that quantise the float file themselves take its normalisation."""
        return self.int8 if candidate.quantised_by_us else self.floats


@dataclass(frozen=True)
class Ready:
    """A loaded candidate, the face it is timed on and its least cosine to the float network."""

    candidate: Candidate
    runner: Runner
    face: Example
    cosine: float | None

    def timed(self) -> Callable[[], float]:
        """A call that returns the milliseconds of one embedding."""
        bound = self.runner(self.face)
        if isinstance(self.runner, Child):
            return self.runner.round
        return stopwatch(bound.run)


def converted(candidates: list[Candidate], note: Note) -> list[Candidate]:
    """Those whose conversion succeeds; the reasons of the others are noted."""
    ready = []
    for candidate in candidates:
        try:
            candidate.convert()
        except Absent as reason:
            note(f"{_text(candidate)} skipped: {reason}")
            continue
        ready.append(candidate)
    return ready


def best_of_each(
    candidates: list[Candidate], faces: Faces, reference: NDArray[Any], noise: bool, note: Note
) -> list[Ready]:
    """The fastest right candidate of each precision of one runtime.

    With weights of ``noise`` an int8 embedding says little, so that int8 is judged by the float
    types of the same runtime: it is void where none of them is right.
    """
    chosen: list[Ready] = []
    # Floats first, for int8 is judged by them.
    ordered = sorted(candidates, key=lambda one: (one.precision == "int8", one.precision))
    for precision, same in groupby(ordered, key=lambda one: one.precision):
        if noise and precision == "int8" and not chosen:
            note(f"{candidates[0].runtime} int8 void: no float type of it is right")
            continue
        best = fastest(list(same), faces, reference, note, noise)
        chosen += [best] if best else []
    return chosen


def fastest(
    candidates: list[Candidate],
    faces: Faces,
    reference: NDArray[Any],
    note: Note,
    noise: bool = False,
) -> Ready | None:
    """The fastest of those whose cosine is high enough; the others are closed."""
    right = []
    for candidate in candidates:
        text = _text(candidate)
        try:
            ready = load(candidate, faces, reference)
        except Exception as reason:  # whatever a runtime raises is a reason to leave it out
            note(f"{text} skipped: {_first_line(reason)}")
            continue
        if ready.cosine is None or not ready.cosine >= least(candidate, noise):
            note(f"{text} void: cosine {ready.cosine:.3f} to the float network")
            _close(ready)
            continue
        right.append(ready)
    if not right:
        return None
    probes = take_turns([ready.timed() for ready in right], PROBE_ROUNDS)
    pairs = sorted(zip(probes, right, strict=True), key=lambda pair: pair[0].median)
    for _, loser in pairs[1:]:
        _close(loser)
    return pairs[0][1]


def load(candidate: Candidate, faces: Faces, reference: NDArray[Any] | None) -> Ready:
    """Loads a candidate and compares its embeddings with ``reference``, if there is one."""
    runner, crops = candidate.load(), faces.of(candidate)
    if reference is None:
        return Ready(candidate, runner, crops[0], None)
    try:
        found = embed(runner, crops)
    except BaseException:
        if isinstance(runner, Child):
            runner.close()
        raise
    scale = np.linalg.norm(found, axis=1) * np.linalg.norm(reference, axis=1)
    cosine = float(np.min((found * reference).sum(axis=1) / scale))
    return Ready(candidate, runner, crops[0], cosine)


def embed(runner: Runner, faces: list[Example]) -> NDArray[Any]:
    """float64 (N, D). Raises Absent where a second run of a bound face gives something else.

    What is timed runs again and again on one bound input: a runtime that overwrites it would not
    compute the embedding any more.
    """
    found = []
    for face in faces:
        bound = runner(face)
        bound.run()
        first = np.array(bound.read(), np.float64)
        bound.run()
        if not np.allclose(np.array(bound.read()), first, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise Absent("its second run on one bound face gives another embedding")
        found.append(first)
    return np.stack(found)


def close(entrants: list[Ready]) -> None:
    """Ends the child processes among them."""
    for entrant in entrants:
        _close(entrant)


def least(candidate: Configured, noise: bool) -> float:
    """The cosine below which a candidate is void."""
    if candidate.precision != "int8":
        return LEAST_COSINE
    if noise:
        return -1.0
    return LEAST_COSINE if candidate.quantised_by_us else LEAST_COSINE_OWN


def _text(candidate: Candidate) -> str:
    return f"{candidate.runtime} {candidate.precision} ({candidate.variant})"


def _first_line(reason: Exception) -> str:
    said = str(reason).strip().splitlines()
    text = said[0][:200] if said else "without a word"
    return text if isinstance(reason, Absent) else f"{type(reason).__name__}: {text}"


def _close(entrant: Ready) -> None:
    if isinstance(entrant.runner, Child):
        entrant.runner.close()
