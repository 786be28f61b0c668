"""Several sets as one, and a set without some of its pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.training.data.joined import Joined, Without, length, repeated


class Set:
    """Picture i has shade ``shade + i``; people of two pictures each."""

    def __init__(self, shade: int, count: int):
        self.shade, self.count = shade, count
        self.labels = np.arange(count) // 2
        self.names = [f"p{label}" for label in range(self.classes)]
        self.skipped = [f"{shade}.txt"]

    @property
    def classes(self) -> int:
        return (self.count + 1) // 2

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> np.ndarray:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return np.full((2, 2, 3), self.shade + index, np.uint8)

    def size(self, index: int) -> tuple[int, int]:
        return 2, self.shade

    def stamp(self) -> str:
        return f"{self.shade} {self.count}"


def test_pictures_people_and_weights_side_by_side() -> None:
    faces = Joined([(Set(0, 4), 1.0), (Set(100, 3), 0.5), (Set(200, 1), 3.0)])
    assert len(faces) == 8 and faces.classes == 2 + 2 + 1
    assert [int(faces.image(i)[0, 0, 0]) for i in range(8)] == [0, 1, 2, 3, 100, 101, 102, 200]
    assert faces.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 4]
    assert faces.names == ["0/p0", "0/p1", "1/p0", "1/p1", "2/p0"]
    assert faces.weights.tolist() == [1, 1, 1, 1, 0.5, 0.5, 0.5, 3]
    assert [faces.size(i)[1] for i in (3, 4, 7)] == [0, 100, 200]
    assert faces.skipped == ["0.txt", "100.txt", "200.txt"]
    assert faces.stamp() != Joined([(Set(0, 4), 1.0), (Set(100, 2), 0.5)]).stamp()
    for wrong in ([], [(Set(0, 1), 0.0)]):
        with pytest.raises(ValueError, match="above 0"):
            Joined(wrong)


def test_without_some() -> None:
    faces = Without(Set(50, 6), np.array([True, True, False, True, False, False]))
    assert len(faces) == 3 and faces.names == ["p1", "p2"] and faces.classes == 2
    assert faces.labels.tolist() == [0, 1, 1]
    assert [int(faces.image(i)[0, 0, 0]) for i in range(3)] == [52, 54, 55]
    assert faces.stamp() != Set(50, 6).stamp()


@pytest.mark.parametrize("weights", [[1.0], [0.3], [2.0, 0.25], [1.5, 1.0, 0.01]])
def test_epochs_have_one_length(weights: list[float]) -> None:
    each = np.repeat(weights, 37)
    found = [repeated(each, np.random.default_rng(seed)) for seed in range(5)]
    assert {len(rows) for rows in found} == {length(each)}
    assert abs(length(each) - 37 * sum(weights)) <= 0.5 * len(weights)
    counts = np.bincount(found[0], minlength=len(each))
    for place, weight in enumerate(weights):
        part = counts[37 * place : 37 * place + 37]
        assert set(part) <= {int(weight), int(weight) + 1}
