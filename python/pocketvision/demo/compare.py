"""Scores of faces against their damaged copies and against other people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..faces.compare import similarity
from ..faces.find.photo import Faces
from .damage import COPIES
from .faces import Face
from .photos import Photo, found


@dataclass(frozen=True)
class Scores:
    """Cosines of F faces: ``copies`` (F, C) to their copies, ``others`` (F, F) to each other.

    A copy in which the detector finds no face is NaN.
    """

    names: list[str]
    copies: NDArray[np.float32]
    others: NDArray[np.float32]

    def strangers(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Each pair of two different faces once, for the faces of ``rows``: (pairs,)."""
        block = self.others[rows, rows]
        return block[np.triu_indices(len(block), k=1)]


def score(finder: Faces, faces: list[Face]) -> Scores:
    """Embeds ``faces`` and the five copies of each, in which they are found anew."""
    originals = np.concatenate([_embed(finder, face) for face in faces])
    copies = np.full((len(faces), len(COPIES)), np.nan, np.float32)
    for row, face in enumerate(faces):
        for column, make in enumerate(COPIES.values()):
            copy = found(finder, Photo(face.name, make(face).picture))
            if copy is not None:
                copies[row, column] = _embed(finder, copy)[0] @ originals[row]
    others = similarity(originals, originals)
    assert isinstance(others, np.ndarray)
    return Scores([face.name for face in faces], copies, others)


def _embed(finder: Faces, face: Face) -> NDArray[np.float32]:
    return np.asarray(finder.embedder.embed(face.picture, face.landmarks))
