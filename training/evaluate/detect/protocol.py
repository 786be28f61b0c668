"""Found faces against true ones: recall at a rate of false alarms, average precision, landmarks.

A found face is right where it overlaps a true one by at least half (PASCAL VOC's rule, each true
face once, best score first). What lies on an ignored face is neither right nor wrong. Landmarks
are judged on faces that were found: mean distance of the five points by the distance of the eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.detect.faces import Labels
from .boxes import Found, area, overlap, shared

IOU = 0.5
ALARMS = 0.1
"""False alarms a picture at which recall is told."""
UNSURE = ("ignore", "pseudo")
"""Kinds of labels that no person has drawn: ignored."""


class Truth(NamedTuple):
    """Boxes (N, 4), points (N, 5, 2) with NaN, and bool (N): not judged."""

    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    ignored: NDArray[np.bool_]


def truth(labels: Labels, smallest: float = 0.0) -> Truth:
    """What is judged: faces whose box's sides have a geometric mean of at least ``smallest``."""
    small = np.sqrt(area(labels.boxes)) < smallest
    unsure = np.array([kind in UNSURE for kind in labels.kinds], bool)
    return Truth(labels.boxes, labels.points, small | unsure)


class Matched(NamedTuple):
    """Of a picture: per counted found face its score and true face (-1: false alarm), errors by
    true face (NaN where not found, or without known landmarks), and how many true faces."""

    scores: NDArray[np.float32]
    faces: NDArray[np.int64]
    errors: NDArray[np.float32]
    total: int


def match(found: Found, true: Truth) -> Matched:
    """Greedily, best score first."""
    judged = np.flatnonzero(~true.ignored)
    there = overlap(found.boxes, true.boxes[judged])
    aside = shared(found.boxes, true.boxes[true.ignored])
    beside = aside.max(axis=1, initial=0) >= IOU * np.maximum(area(found.boxes), 1e-9)
    free = np.ones(len(judged), bool)
    errors = np.full(len(judged), np.nan, np.float32)
    scores, faces = [], []
    for place in np.argsort(-found.scores, kind="stable"):
        candidates = np.where(free, there[place], 0) if len(judged) else np.zeros(1)
        best = int(candidates.argmax())
        if candidates[best] >= IOU:
            free[best] = False
            errors[best] = landmark_error(found.points[place], true.points[judged[best]])
        elif beside[place]:
            continue
        else:
            best = -1
        scores.append(found.scores[place])
        faces.append(best)
    return Matched(np.array(scores, np.float32), np.array(faces, np.int64), errors, len(judged))


def landmark_error(points: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """Mean distance of five points by the true eyes' distance."""
    eyes = float(np.linalg.norm(true[0] - true[1]))
    return float(np.linalg.norm(points - true, axis=1).mean() / eyes) if eyes > 0 else float("nan")


@dataclass(frozen=True)
class Score:
    """``recall`` at the score ``threshold`` that gives ``ALARMS``; ``precision``: average, area
    below the monotone precision-recall curve; ``error``: median over found faces with landmarks."""

    recall: float
    threshold: float
    precision: float
    error: float
    faces: int
    pictures: int

    @property
    def std(self) -> float:
        """Of the recall, as of independent faces."""
        return float((self.recall * (1 - self.recall) / max(1, self.faces)) ** 0.5)


def score(matches: Sequence[Matched]) -> Score:
    """Of all pictures.

    Raises:
        ValueError: there is no true face.
    """
    total = sum(one.total for one in matches)
    if total == 0:
        raise ValueError("no face to be judged; expected labels that people have drawn")
    scores = np.concatenate([one.scores for one in matches])
    right = np.concatenate([one.faces >= 0 for one in matches])[np.argsort(-scores, kind="stable")]
    scores = np.sort(scores)[::-1]
    hits, alarms = np.cumsum(right), np.cumsum(~right)
    within = np.flatnonzero(alarms <= ALARMS * len(matches))
    last = int(within[-1]) if len(within) else -1
    recall = float(hits[last] / total) if last >= 0 else 0.0
    errors = np.concatenate([one.errors for one in matches])
    errors = errors[np.isfinite(errors)]
    return Score(
        recall, float(scores[last]) if last >= 0 else 1.0, _precision(hits, alarms, total),
        float(np.median(errors)) if len(errors) else float("nan"), total, len(matches),
    )  # fmt: skip


def _precision(hits: NDArray[np.int64], alarms: NDArray[np.int64], total: int) -> float:
    precision = hits / np.maximum(hits + alarms, 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(hits, prepend=0) / total
    return float((best * steps).sum())
