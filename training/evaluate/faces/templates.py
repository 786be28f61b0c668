"""IJB-B and IJB-C, 1:1: templates of pictures and video frames, pooled by media, compared pairwise.

The protocol that PocketNet and insightface publish with: a picture's feature is the sum of its
embedding and of its mirror image's, norms kept, times the detector's score; features are averaged
within a medium (one video counts as one picture), summed over the media of a template and scaled to
length 1; the score is the cosine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from . import protocol

FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def features(
    plain: NDArray[np.floating],
    mirrored: NDArray[np.floating] | None,
    detector: NDArray[np.floating] | None,
) -> NDArray[np.floating]:
    """(N, D) features of N faces from raw embeddings, norms kept.

    Args:
        plain, mirrored: raw (N, D) embeddings of the crops and of their mirror images or None.
        detector: (N,) detector scores in [0, 1], or None where they are not to count.

    Raises:
        ValueError: shapes disagree, or a value is not finite.
    """
    found = np.asarray(plain, np.float64)
    if mirrored is not None:
        if np.shape(mirrored) != found.shape:
            raise ValueError(
                f"mirrored: expected shape {found.shape} like plain, got {np.shape(mirrored)}"
            )
        found = found + mirrored
    if detector is not None:
        if np.shape(detector) != (len(found),):
            raise ValueError(f"detector: expected shape ({len(found)},), got {np.shape(detector)}")
        found = found * np.asarray(detector)[:, None]
    if not np.isfinite(found).all():
        raise ValueError(f"face {int(np.argwhere(~np.isfinite(found))[0, 0])} is not finite")
    return found


def pool(
    faces: NDArray[np.floating], templates: NDArray[np.integer], media: NDArray[np.integer]
) -> tuple[NDArray[np.floating], NDArray[np.integer]]:
    """Unit vectors (T, D) and template ids (T,), sorted by id.

    Args:
        faces: (N, D) of :func:`features`.
        templates, media: (N,) ids; a medium is counted once within each template.
    """
    if not len(faces) == len(templates) == len(media):
        raise ValueError(
            f"expected one template and medium per face, got {len(templates)} and {len(media)} "
            f"for {len(faces)} faces"
        )
    keys, row, count = np.unique(
        np.stack([templates, media], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(keys), faces.shape[1]))
    np.add.at(sums, row.ravel(), faces)
    means = sums / count[:, None]
    ids, owner = np.unique(keys[:, 0], return_inverse=True)
    pooled = np.zeros((len(ids), faces.shape[1]))
    np.add.at(pooled, owner, means)
    return protocol.unit(pooled), ids


def cosines(
    vectors: NDArray[np.floating],
    ids: NDArray[np.integer],
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    block: int = 1 << 17,
) -> NDArray[np.floating]:
    """(P,) cosines of the pairs of template ids, ``block`` pairs at a time.

    Raises:
        ValueError: a pair names a template that has no face.
    """
    missing = np.setdiff1d(np.union1d(first, second), ids).tolist()
    if missing:
        raise ValueError(
            f"{len(missing)} templates of the pair list have no face, the first: {missing[:5]}; "
            "is the list of faces complete?"
        )
    left, right = np.searchsorted(ids, first), np.searchsorted(ids, second)
    found = np.empty(len(left))
    for start in range(0, len(left), block):
        part = slice(start, start + block)
        found[part] = (vectors[left[part]] * vectors[right[part]]).sum(1)
    return found


def tar(
    scores: NDArray[np.floating], same: NDArray[np.bool_], fars: tuple[float, ...] = FARS
) -> dict[float, float]:
    """TAR at the ROC point nearest to each FAR, the largest TAR where several are as near.

    No interpolation, as published. A FAR that the impostor pairs cannot support is left out (rule
    of three: 3 / FAR pairs).
    """
    same = np.asarray(same, bool)
    impostors = int((~same).sum())
    false, true, _ = roc_curve(same, scores)
    false, true = false[::-1], true[::-1]
    return {
        far: float(true[int(np.argmin(np.abs(false - far)))])
        for far in fars
        if far * impostors >= 3 - 1e-9
    }
