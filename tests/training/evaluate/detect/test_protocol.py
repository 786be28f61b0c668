"""Recall, precision and landmark errors, against cases counted by hand and a slow count."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.detect.faces import Labels  # noqa: E402
from pocketvision.training.evaluate.detect import boxes, protocol  # noqa: E402


def found(*rows: tuple[float, float, float, float, float]) -> boxes.Found:
    values = np.array(rows, np.float32).reshape(-1, 5)
    return boxes.Found(values[:, 0], values[:, 1:], np.zeros((len(values), 5, 2), np.float32))


def labels(*rows: tuple[float, float, float, float], kinds: tuple[str, ...]) -> Labels:
    points = np.full((len(rows), 5, 2), np.nan, np.float32)
    return Labels(np.array(rows, np.float32).reshape(-1, 4), points, kinds)


def slow_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """By counting the cells of a grid of quarter pixels."""
    grid = (np.arange(0, 200) + 0.5) / 4

    def inside(box: np.ndarray) -> np.ndarray:
        columns, rows = ((grid >= box[i]) & (grid < box[i + 2]) for i in (0, 1))
        return rows[:, None] & columns[None]

    return float((inside(a) & inside(b)).sum() / max(1, (inside(a) | inside(b)).sum()))


def test_overlap_is_that_of_counted_cells() -> None:
    random = np.random.default_rng(1)
    first = random.integers(0, 100, (12, 2, 2)) / 4
    sizes = random.integers(1, 90, (12, 2, 2)) / 4
    one, two = (np.concatenate([first[:, i], first[:, i] + sizes[:, i]], 1) for i in (0, 1))
    fast = boxes.overlap(one.astype(np.float32), two.astype(np.float32))
    for i in range(12):
        for j in range(12):
            assert fast[i, j] == pytest.approx(slow_overlap(one[i], two[j]), abs=1e-5)


def test_suppression_keeps_the_best_of_each() -> None:
    both = found((0.5, 0, 0, 10, 10), (0.9, 1, 0, 11, 10), (0.4, 30, 30, 40, 40))
    kept = boxes.suppressed(both, 0.5)
    assert kept.scores.tolist() == pytest.approx([0.9, 0.4])
    assert boxes.suppressed(both, 0.9).scores.tolist() == pytest.approx([0.9, 0.5, 0.4])


def test_matching_by_hand() -> None:
    """Two faces, one ignored: the second answer for one face and the far one are false alarms."""
    true = protocol.truth(
        labels((0, 0, 10, 10), (50, 50, 70, 70), (90, 90, 99, 99), kinds=("gt68", "a", "ignore"))
    )
    said = found(
        (0.9, 0, 0, 10, 10), (0.8, 1, 1, 11, 11), (0.7, 50, 50, 70, 70), (0.6, 91, 91, 98, 98),
        (0.5, 30, 0, 40, 10),
    )  # fmt: skip
    one = protocol.match(said, true)
    assert one.total == 2 and one.faces.tolist() == [0, -1, 1, -1]
    score = protocol.score([one] * 2)
    # 0.1 alarms a picture are none of two pictures: only the two best answers count.
    assert score.recall == 0.5 and score.threshold == pytest.approx(0.9)
    # Precision is 1 at recall 0.5; 4 of 6 answers are right at recall 1.
    assert score.precision == pytest.approx(0.5 * 1 + 0.5 * 4 / 6)
    assert score.faces == 4 and np.isnan(score.error)


def test_landmarks_by_the_distance_of_the_eyes() -> None:
    true = np.array([[0, 0], [10, 0], [5, 5], [1, 9], [9, 9]], np.float32)
    assert protocol.landmark_error(true + (3, 4), true) == pytest.approx(0.5)


def test_small_and_unsure_faces_are_not_judged() -> None:
    true = protocol.truth(labels((0, 0, 9, 9), (0, 0, 10, 10), kinds=("a", "pseudo")), 9.5)
    assert true.ignored.tolist() == [True, True]
    with pytest.raises(ValueError, match="no face to be judged"):
        protocol.score([protocol.match(found(), true)])


def test_nothing_found() -> None:
    true = protocol.truth(labels((0, 0, 9, 9), kinds=("a",)))
    score = protocol.score([protocol.match(found(), true)])
    assert (score.recall, score.precision) == (0.0, 0.0)
