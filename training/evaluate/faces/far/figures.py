"""The figures of one condition: accuracy and TAR over folds, AUC, errors at a sharp threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from .. import lfw, pairs, protocol

FAR = 1e-2
"""The rate of the TAR over folds: nine folds of LFW hold impostors for no smaller one."""


@dataclass(frozen=True)
class Figures:
    """Of one model and one condition; all are fractions of 1.

    ``accuracy`` and ``tar`` (at FAR 1 %): mean over folds, each scored at the threshold that its
    nine others choose, with the deviation over folds. ``tar`` is None where folds are too small.
    ``strict``: TAR at the smallest FAR that all impostors support, and its 95 % bounds by
    bootstrap over people. ``sharp_tar``, ``sharp_far``: genuine pairs and impostors accepted at the
    threshold where 1 % of the impostors of the *sharp* pairs are, which is the one in use.
    """

    accuracy: float
    accuracy_std: float
    auc: float
    tar: float | None
    tar_std: float | None
    strict_at: float | None
    strict: float | None
    strict_bounds: tuple[float, float] | None
    sharp_tar: float | None
    sharp_far: float | None


def figures(cosine: NDArray[np.float64], listed: pairs.Pairs, threshold: float | None) -> Figures:
    """Of the cosines (P) of ``listed``; ``threshold``: that of the sharp pairs, None without."""
    same = np.asarray(listed.same, bool)
    accuracies, _ = protocol.ten_fold(2 - 2 * cosine, same, listed.folds)
    tars = over_folds(cosine, same, listed.folds)
    points = lfw.operating_points(cosine, listed)
    strict = points[-1] if points else None
    return Figures(
        float(accuracies.mean()),
        float(accuracies.std()),
        float(roc_auc_score(same, cosine)),
        None if tars is None else float(tars.mean()),
        None if tars is None else float(tars.std()),
        strict.far if strict else None,
        strict.tar.value if strict else None,
        (strict.tar.low, strict.tar.high) if strict else None,
        None if threshold is None else float((cosine[same] >= threshold).mean()),
        None if threshold is None else float((cosine[~same] >= threshold).mean()),
    )


def over_folds(
    cosine: NDArray[np.float64], same: NDArray[np.bool_], folds: int, far: float = FAR
) -> NDArray[np.float64] | None:
    """TAR (folds) of each fold at the threshold of the others' impostors; None: too few."""
    found = []
    for held_out in np.array_split(np.arange(len(cosine)), folds):
        others = np.ones(len(cosine), bool)
        others[held_out] = False
        if (others & ~same).sum() * far < 3 - 1e-9 or not same[held_out].any():
            return None
        limit = protocol.threshold_at_far(cosine[others], same[others], far)
        found.append((cosine[held_out][same[held_out]] >= limit).mean())
    return np.array(found)
