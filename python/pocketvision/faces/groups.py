"""Groups of faces that are probably one person's, by average linkage at a pair's threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import InputError
from .compare import similarity
from .embeddings import check_embeddings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST = 20_000
"""Faces: all pairs of them are held as float64, 1.6 GB."""


class Group(NamedTuple):
    """``rows``: of the embeddings, the most central first. ``scores``: mean cosine of each to the
    others, float64; 1 for a face that is alone."""

    rows: list[int]
    scores: list[float]


def groups(embeddings: ArrayLike, threshold: float) -> list[Group]:
    """Groups of rows, largest first; each row is in one.

    Two groups become one while the mean cosine between their rows is at least ``threshold``
    (agglomerative clustering, average linkage). Needs scipy.

    Args:
        embeddings: (N, D), of one model.
        threshold: cosine from which a pair counts as one person.

    Raises:
        InputError: values that are no embeddings, more than ``MOST`` of them, or no threshold.
    """
    rows = np.atleast_2d(check_embeddings("embeddings", embeddings))
    if not -1 <= threshold <= 1:
        raise InputError(f"threshold: expected a cosine from -1 to 1, got {threshold}")
    if len(rows) > MOST:
        raise InputError(f"embeddings: expected at most {MOST:,} faces, got {len(rows):,}")
    cosines = np.asarray(similarity(rows, rows), np.float64)
    labels = _labels(cosines, threshold)
    found = [_group(np.flatnonzero(labels == label), cosines) for label in np.unique(labels)]
    return sorted(found, key=lambda group: (-len(group.rows), group.rows[0]))


def _labels(cosines: NDArray[np.float64], threshold: float) -> NDArray[Any]:
    if len(cosines) == 1:
        return np.zeros(1, np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    apart = np.maximum(0, 1 - cosines)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    return np.asarray(fcluster(tree, 1 - threshold, "distance"))


def _group(rows: NDArray[np.int64], cosines: NDArray[np.float64]) -> Group:
    if len(rows) == 1:
        return Group(rows.tolist(), [1.0])
    inside = cosines[np.ix_(rows, rows)]
    means = (inside.sum(axis=1) - np.diag(inside)) / (len(rows) - 1)
    order = np.argsort(-means, kind="stable")
    return Group(rows[order].tolist(), means[order].tolist())
