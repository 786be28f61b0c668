"""Verification protocols on pairs: ten-fold accuracy, TAR at FAR, calibrated thresholds.

The ten folds follow the code that PocketNet and insightface publish figures with: squared distance
of unit embeddings, thresholds 0, 0.01 .. 3.99 compared strictly, per fold the first threshold that
is best on the other folds, mean and (population) standard deviation over folds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve

Floats = NDArray[np.floating]
THRESHOLDS = np.arange(0, 4, 0.01)


def unit(vectors: Floats) -> Floats:
    """Rows of (N, D) scaled to length 1.

    Raises:
        ValueError: a row is zero or not finite, so that it has no direction.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)))
    if len(bad):
        raise ValueError(
            f"embedding {bad[0]} (and {len(bad) - 1} more) has norm {norms[bad[0], 0]}; the model "
            "or its input is broken: look at the per-layer report of its quantisation"
        )
    return np.asarray(vectors / norms)


def fuse(views: Sequence[Floats]) -> Floats:
    """Unit (N, D) embedding of the sum of several views' raw embeddings, each (N, D)."""
    return unit(np.sum(views, axis=0))


def ten_fold(distances: ArrayLike, same: ArrayLike, folds: int = 10) -> tuple[Floats, Floats]:
    """Accuracy of each held-out fold and the threshold it was scored at.

    Args:
        distances: (P,) squared distances of unit embeddings, in [0, 4], in the list's order.
        same: (P,) whether a pair is genuine.
        folds: contiguous, unshuffled; the first ``P % folds`` are one longer.
    """
    distance, genuine = _checked(distances, same)
    if not 2 <= folds <= len(distance):
        raise ValueError(f"folds: expected 2 to {len(distance)} (the number of pairs), got {folds}")
    correct = (distance[None, :] < THRESHOLDS[:, None]) == genuine[None, :]
    accuracies, chosen = [], []
    for held_out in np.array_split(np.arange(len(distance)), folds):
        others = np.ones(len(distance), bool)
        others[held_out] = False
        best = int(np.argmax(correct[:, others].sum(axis=1)))
        accuracies.append(correct[best, held_out].mean())
        chosen.append(THRESHOLDS[best])
    return np.array(accuracies), np.array(chosen)


def tar_at_far(scores: ArrayLike, same: ArrayLike, far: float) -> float:
    """Largest share of genuine pairs accepted while at most ``far`` of the impostors are."""
    score, genuine = _checked(scores, same)
    false_rate, true_rate, _ = roc_curve(genuine, score, drop_intermediate=False)
    return float(true_rate[false_rate <= far + 1e-12].max())


def threshold_at_far(scores: ArrayLike, same: ArrayLike, far: float) -> float:
    """Smallest cosine t such that at most ``far`` of the impostor pairs have ``score >= t``.

    Raises:
        ValueError: fewer than ``3 / far`` impostor pairs. With n pairs and no false accept, the
            true rate is only known to be below 3 / n (rule of three, 95 %), so that n pairs cannot
            support a smaller FAR.
    """
    score, genuine = _checked(scores, same)
    impostors = np.sort(score[~genuine])[::-1]
    if not 0 < far < 1:
        raise ValueError(f"far: expected a rate between 0 and 1, got {far}")
    if len(impostors) * far < 3 - 1e-9:
        raise ValueError(
            f"far: {far:g} needs at least {int(np.ceil(3 / far))} impostor pairs (rule of three), "
            f"got {len(impostors)}; calibrate at {3 / len(impostors):.2g} or above, or add pairs"
        )
    allowed = int(np.floor(len(impostors) * far + 1e-9))
    return float(np.nextafter(impostors[allowed], np.inf))


def _checked(values: ArrayLike, same: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    value, genuine = np.asarray(values, np.float64), np.asarray(same, bool)
    if value.ndim != 1 or value.shape != genuine.shape:
        raise ValueError(
            f"expected two vectors of one length, got shapes {value.shape} and {genuine.shape}"
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{(~np.isfinite(value)).sum()} of the pair scores are not finite")
    if genuine.all() or not genuine.any():
        raise ValueError("expected genuine and impostor pairs, got only one kind")
    return value, genuine
