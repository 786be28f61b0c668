"""Our compiled model, timed with its preprocessing and normalisation: from pixels to embedding."""

from __future__ import annotations

from ..embedder import Embedder
from .candidate import Candidate, Runner

RUNTIME = "pocketvision"


def candidate(embedder: Embedder) -> Candidate:
    """The one candidate of a loaded embedder; its variant is the compiled target."""

    def load() -> Runner:
        return lambda example: embedder.embed(example.crop)[0]

    return Candidate(RUNTIME, "int8", embedder.target, load)
