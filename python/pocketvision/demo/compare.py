"""Scores of faces against their damaged copies and against other people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..faces.compare import similarity
from ..faces.embedder import Embedder
from .damage import COPIES
from .faces import Face


@dataclass(frozen=True)
class Scores:
    """Cosines of F faces: ``copies`` (F, C) to their copies, ``others`` (F, F) to each other."""

    names: list[str]
    copies: NDArray[np.float32]
    others: NDArray[np.float32]

    def strangers(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Each pair of two different faces once, for the faces of ``rows``: (pairs,)."""
        block = self.others[rows, rows]
        return block[np.triu_indices(len(block), k=1)]


def score(embedder: Embedder, faces: list[Face]) -> Scores:
    """Embeds ``faces`` and the five copies of each, every picture aligned by its landmarks."""
    originals = _embed(embedder, faces)
    copies = np.stack(
        [
            (originals * _embed(embedder, [make(face) for face in faces])).sum(axis=1)
            for make in COPIES.values()
        ],
        axis=1,
    )
    others = similarity(originals, originals)
    assert isinstance(others, np.ndarray)
    return Scores([face.name for face in faces], copies, others)


def _embed(embedder: Embedder, faces: list[Face]) -> NDArray[np.float32]:
    return np.concatenate([embedder.embed(face.picture, face.landmarks) for face in faces])
