"""Our compiled model, timed with its preprocessing and normalisation: from pixels to embedding."""

from __future__ import annotations

import os

from ..faces.embedder import Embedder
from .candidate import Candidate, FirstFace, Runner

RUNTIME = "pocketvision"

FIRST = """
import numpy, pocketvision
pocketvision.Embedder({path!r}).embed(numpy.zeros({shape!r}, numpy.uint8))
"""


def candidate(embedder: Embedder) -> Candidate:
    """The one candidate of a loaded embedder; its variant is the compiled target."""

    def load() -> Runner:
        return lambda example: embedder.embed(example.crop)[0]

    path, shape = os.path.abspath(embedder.model.path), (*embedder.record.preprocess["size"], 3)
    first = FirstFace(FIRST.format(path=path, shape=shape), (RUNTIME,))
    return Candidate(RUNTIME, "int8", embedder.target, load, first, quantised_by_us=True)
