"""How well a score tells what is left of an embedding, by kind, on faces kept from training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from ..data import spoil
from .samples import NAMES, Samples

BAD, GOOD = 0.35, 0.6
"""Of an embedding, less than the first is left of what is useless, more than the second of what
is good."""

HAND = slice(294, 329)
"""Features that a person would choose: bands, light and colour, no thumbnail and no map."""

CLEAN_REFUSED = 0.01


def figures(score: NDArray[np.floating], samples: Samples) -> dict[str, Any]:
    """Correlation, ROC area and shares at the level that refuses 1 % of the clean."""
    level = float(np.quantile(score[samples.kinds == 0], CLEAN_REFUSED))
    held = np.isin(samples.kinds, [NAMES.index(name) for name in spoil.HELD_OUT])
    return {
        "level": level,
        "shown": _part(score[~held], samples.left[~held], level),
        "held_out": _part(score[held], samples.left[held], level),
        "passed_of_bad": {
            name: float((score[of] >= level).mean())
            for index, name in enumerate(NAMES)
            if (of := (samples.kinds == index) & (samples.left < BAD)).sum() >= 10
        },
    }


def _part(score: NDArray[np.floating], left: NDArray[np.float32], level: float) -> dict[str, float]:
    bad, good = left < BAD, left > GOOD
    either = bad | good
    return {
        "samples": len(left),
        "correlation": float(np.corrcoef(score, left)[0, 1]),
        "auc_bad_or_good": float(roc_auc_score(good[either], score[either])),
        "bad_that_pass": float((score[bad] >= level).mean()),
        "good_that_are_refused": float((score[good] < level).mean()),
    }


def by_hand(train: Samples, kept: Samples) -> NDArray[np.float64]:
    """The score of a logistic rule on the hand features of ``kept``: what the network must beat."""
    sure = (train.left < BAD) | (train.left > GOOD)
    scale = StandardScaler().fit(train.features[:, HAND])
    rule = LogisticRegression(max_iter=300)
    rule.fit(scale.transform(train.features[sure, HAND]), train.left[sure] > GOOD)
    found: NDArray[np.float64] = rule.predict_proba(scale.transform(kept.features[:, HAND]))[:, 1]
    return found
