"""How well a score tells what can be trusted, by kind, on faces kept from training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from ..data import spoil
from .samples import NAMES, Samples
from .told import trust

BAD, GOOD = 0.35, 0.6
"""What is trusted less than the first is useless, what is trusted more than the second good."""

HAND = slice(294, 357)
"""Features that a person would choose: bands, slopes, light and colour, no thumbnail and no map."""

CLEAN_REFUSED = 0.01


def figures(score: NDArray[np.floating], samples: Samples) -> dict[str, Any]:
    """Correlation, ROC area and shares at the level that refuses 1 % of the clean."""
    level = float(np.quantile(score[samples.kinds == 0], CLEAN_REFUSED))
    held = np.isin(samples.kinds, [NAMES.index(name) for name in spoil.HELD_OUT])
    told = trust(samples)
    return {
        "level": level,
        "shown": _part(score[~held], told[~held], level),
        "held_out": _part(score[held], told[held], level),
        "passed_of_bad": {
            name: float((score[of] >= level).mean())
            for index, name in enumerate(NAMES)
            if (of := (samples.kinds == index) & (told < BAD)).sum() >= 10
        },
    }


def _part(score: NDArray[np.floating], told: NDArray[np.float32], level: float) -> dict[str, float]:
    bad, good = told < BAD, told > GOOD
    either = bad | good
    return {
        "samples": len(told),
        "correlation": float(np.corrcoef(score, told)[0, 1]),
        "auc_bad_or_good": float(roc_auc_score(good[either], score[either])),
        "bad_that_pass": float((score[bad] >= level).mean()),
        "good_that_are_refused": float((score[good] < level).mean()),
    }


def by_hand(train: Samples, kept: Samples) -> NDArray[np.float64]:
    """The score of a logistic rule on the hand features of ``kept``: what the network must beat."""
    told = trust(train)
    sure = (told < BAD) | (told > GOOD)
    scale = StandardScaler().fit(train.features[:, HAND])
    rule = LogisticRegression(max_iter=300)
    rule.fit(scale.transform(train.features[sure, HAND]), told[sure] > GOOD)
    found: NDArray[np.float64] = rule.predict_proba(scale.transform(kept.features[:, HAND]))[:, 1]
    return found
