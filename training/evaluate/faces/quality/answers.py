"""Pairs of LFW, some of them spoilt: does the lower quality of a pair predict a wrong answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from .. import pairs

SHARE_SPOILT = 0.5
"""Of the pictures of the pairs."""


@dataclass(frozen=True)
class Wrong:
    """Of ``pairs``: the shares of genuine ones refused and of impostors accepted, of all and where
    both pass; ``doubted``, of genuine matches of faces that pass the share that is not beyond the
    larger margin; and how well the lower quality of a pair tells wrong answers from right ones:
    ``auc`` (0.5 is chance), and the curve ``told`` against ``lost``: share of the wrong answers
    below a level, and of the right ones."""

    pairs: int
    passed: int
    false_non_match: float
    false_match: float
    false_non_match_passed: float
    false_match_passed: float
    doubted: float
    auc: float
    told: list[float]
    lost: list[float]


def wrong_answers(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    same: Sequence[bool],
    quality: NDArray[np.float64],
    reliable: NDArray[np.bool_],
    margins: NDArray[np.floating],
    threshold: float,
) -> Wrong:
    """``left``, ``right`` unit (P, D); ``quality`` (P), the lower of both; ``reliable`` (P),
    whether both are; ``margins`` (P), the larger of both."""
    score = (left * right).sum(axis=1)
    accepted = score >= threshold
    genuine = np.asarray(same, bool)
    wrong = accepted != genuine
    lost, told, _ = roc_curve(wrong, -quality)
    at = np.linspace(0, 1, 101)
    return Wrong(
        len(genuine),
        int(reliable.sum()),
        float((~accepted)[genuine].mean()),
        float(accepted[~genuine].mean()),
        float((~accepted)[genuine & reliable].mean()),
        float(accepted[~genuine & reliable].mean()),
        float((score < threshold + margins)[genuine & reliable & accepted].mean()),
        float(roc_auc_score(wrong, -quality)),
        np.interp(at, lost, told).tolist(),
        at.tolist(),
    )


def lists(listed: pairs.Pairs) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """The pictures of the pairs, each once, and the places of both sides among them."""
    names = sorted({*listed.first, *listed.second})
    place = {name: index for index, name in enumerate(names)}
    first, second = (
        np.array([place[name] for name in side], np.int64) for side in (listed.first, listed.second)
    )
    return names, first, second
