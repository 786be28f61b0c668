"""Groups of embeddings: average linkage at a threshold, by hand and against scipy's own words."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.errors import InputError

pytest.importorskip("scipy")

from pocketvision.faces.groups import groups  # noqa: E402


def near(centre: np.ndarray, count: int, spread: float, seed: int) -> np.ndarray:
    rows = centre + spread * np.random.default_rng(seed).normal(size=(count, len(centre)))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_people_apart_are_groups_largest_first() -> None:
    two, three = near(np.eye(16)[0], 2, 0.05, 1), near(np.eye(16)[1], 3, 0.05, 2)
    found = groups(np.concatenate([two, three]), 0.5)
    assert [sorted(group.rows) for group in found] == [[2, 3, 4], [0, 1]]
    cosines = three.astype(float) @ three.T.astype(float)
    for row, score in zip(found[0].rows, found[0].scores, strict=True):
        others = [cosines[row - 2, i] for i in range(3) if i != row - 2]
        assert score == pytest.approx(np.mean(others), abs=1e-6)
    assert found[0].scores == sorted(found[0].scores, reverse=True)


def test_the_mean_decides_and_not_the_nearest() -> None:
    """A chain: each is near the next, and the ends are strangers, which single linkage joins."""
    angles = np.radians([0, 40, 80, 120])
    chain = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = groups(chain, np.cos(np.radians(45)))
    assert sorted(sorted(group.rows) for group in found) == [[0, 1], [2, 3]]
    assert len(groups(chain, -1.0)) == 1 and len(groups(chain, 0.99)) == 4


def test_one_face_is_a_group() -> None:
    assert groups(np.ones(4, np.float32), 0.5) == [([0], [1.0])]


@pytest.mark.parametrize(("rows", "threshold", "message"), [
    (np.ones((2, 4), np.float32), 2, "threshold: expected a cosine"),
    (np.zeros((2, 4), np.float32), 0.5, "all zeros"),
    (np.ones((0, 4), np.float32), 0.5, "embeddings: expected"),
    (np.full((2, 4), np.nan, np.float32), 0.5, "NaN"),
    (np.broadcast_to(np.float32(1), (20_001, 1)), 0.5, "at most 20,000 faces, got 20,001"),
])  # fmt: skip
def test_refusals(rows: np.ndarray, threshold: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        groups(rows, threshold)
