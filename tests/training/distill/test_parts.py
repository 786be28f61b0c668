"""Embeddings of a set in parts: an interrupt leaves them, and what fits no more is made anew."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.distill import parts, teacher  # noqa: E402

CROPS = np.random.default_rng(5).integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)


class Teacher:
    """A projection of the pixels that counts its rows, and stops a run where it is told to."""

    def __init__(self, seed: int = 0, stop_after: int | None = None):
        self.matrix = np.random.default_rng(seed).normal(size=(3 * 64, 6)).astype(np.float32)
        self.rows, self.stop_after = 0, stop_after

    def __call__(self, planes):
        if self.stop_after is not None and self.rows >= self.stop_after:
            raise KeyboardInterrupt
        self.rows += len(planes)
        flat = planes.numpy()[:, :, :8, :8].reshape(len(planes), -1) + 1
        rows = flat @ self.matrix
        return torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    monkeypatch.setattr(parts, "PART", 64)


@pytest.fixture
def whole(tmp_path) -> np.ndarray:
    teacher.embed([Teacher()], CROPS, tmp_path / "whole.npy")
    return np.load(tmp_path / "whole.npy")


def test_parts_are_the_whole(tmp_path, whole) -> None:
    parts.embed([Teacher()], CROPS, tmp_path / "teacher.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "teacher.npy"), whole)
    assert {path.name for path in tmp_path.iterdir()} == {"teacher.npy", "whole.npy"}


def test_an_interrupt_costs_one_part(tmp_path, whole) -> None:
    cache = tmp_path / "teacher.npy"
    with pytest.raises(KeyboardInterrupt):
        parts.embed([Teacher(stop_after=2 * 128 + 70)], CROPS, cache)
    assert not cache.exists()
    second = Teacher()
    parts.embed([second], CROPS, cache)
    assert second.rows <= 2 * (300 - 128) + 3  # two looks at kept parts, and the width
    np.testing.assert_array_equal(np.load(cache), whole)


@pytest.mark.parametrize("change", ["teacher", "crops", "cut off"])
def test_parts_that_fit_no_more_are_made_anew(change, tmp_path, whole) -> None:
    cache, crops = tmp_path / "teacher.npy", CROPS
    with pytest.raises(KeyboardInterrupt):
        first = Teacher(1 if change == "teacher" else 0, stop_after=2 * 128)
        parts.embed([first], CROPS[::-1] if change == "crops" else crops, cache)
    if change == "cut off":
        path = sorted((tmp_path / "teacher.parts").iterdir())[0]
        path.write_bytes(path.read_bytes()[:-9])
    parts.embed([Teacher()], crops, cache)
    np.testing.assert_array_equal(np.load(cache), whole)


def test_a_cache_of_another_teacher_is_named(tmp_path, whole) -> None:
    parts.check([Teacher()], CROPS, whole, tmp_path / "teacher.npy")
    with pytest.raises(ValueError, match=r"teacher\.npy: embeddings of other crops or by another"):
        parts.check([Teacher(1)], CROPS, whole, tmp_path / "teacher.npy")
