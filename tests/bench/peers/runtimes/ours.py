"""Our compiled model, timed with its preprocessing and normalisation: from pixels to embedding."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from pocketvision import Embedder
from pocketvision.bench import start

from ..candidate import Bound, Candidate, Example, Runner

RUNTIME = "pocketvision"


def candidate(embedder: Embedder) -> Candidate:
    """The one candidate of a loaded embedder; its variant is the compiled target."""
    found: list[NDArray[Any]] = []

    def bind(example: Example) -> Bound:
        def run() -> None:
            found[:] = [embedder.embed(example.crop)[0]]

        return Bound(run, lambda: found[0])

    def load() -> Runner:
        return bind

    first = start.ours(embedder)
    return Candidate(RUNTIME, "int8", embedder.target, load, first, quantised_by_us=True)
