"""Clips of one background are of one scene, and scenes stay in one fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from pocketvision.training.data.clips import folds  # noqa: E402
from pocketvision.training.data.clips.base import Clips, Row  # noqa: E402
from pocketvision.training.data.clips.opened import Data, open_sets  # noqa: E402
from pocketvision.training.data.clips.scenes import scenes  # noqa: E402
from pocketvision.training.data.clips.sheets import Sheets  # noqa: E402

from . import made  # noqa: E402


def places(root: Path, numbers: list[int], label: str) -> None:
    """A sheet for each number: that place, lit in another way, with something moving in front."""
    random = np.random.default_rng(len(numbers))
    for clip, place in enumerate(numbers):
        ground = np.random.default_rng(place).integers(60, 180, (8, 8))
        frames = np.kron(ground, np.ones((6, 6)))[None].repeat(16, 0)
        frames = frames * random.uniform(0.8, 1.2)
        for t in range(16):
            frames[t, 20:30, 2 * t : 2 * t + 8] = random.integers(0, 255)
        grey = np.clip(frames, 0, 255).astype(np.uint8)[..., None].repeat(3, -1)
        made.sheet(root / label / f"{clip}.png", grey)


def test_a_scene_is_known_by_its_background(tmp_path: Path) -> None:
    places(tmp_path / "s", [1, 2, 1, 3, 1], "a")
    places(tmp_path / "s", [2, 4, 5], "b")
    rows = [Row(f"a/{n}.png", "a") for n in range(5)] + [Row(f"b/{n}.png", "b") for n in range(3)]
    clips = Clips(tmp_path / "s", rows, ["a", "b"], Sheets())
    found = scenes(clips, 0.9)
    expected = np.array([1, 2, 1, 3, 1, 2, 4, 5])
    assert ((found[:, None] == found) == (expected[:, None] == expected)).all()
    (tmp_path / "s" / "a" / "2.png").write_bytes(b"broken")
    assert len(np.unique(scenes(clips, 0.9))) == 6


def test_folds_keep_scenes_together(tmp_path: Path) -> None:
    places(tmp_path / "s", [1, 1, 2, 2, 3, 4], "a")
    places(tmp_path / "s", [1, 5, 6, 7, 8, 9], "b")
    options = Data("s", files="sheets", folds=2, scenes=0.9)
    for fold in range(2):
        sets = open_sets(options, tmp_path, fold)
        ones = {"a/0.png", "a/1.png", "b/0.png"}
        parts = [{row.path for row in part.rows} for part in (sets.train, sets.test)]
        assert ones <= parts[0] or ones <= parts[1]
        assert np.bincount(sets.test.labels).tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"data\.scenes: 9 scenes are too few for 10 folds"):
        open_sets(Data("s", files="sheets", folds=10, scenes=0.9), tmp_path)


def test_groups_hang_on_names_and_not_on_order(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rows = [Row(f"{c}/{n}", c) for c in "ab" for n in range(40)]
    groups = random.integers(0, 50, 80)
    first = folds.folds(Clips(tmp_path, rows, ["a", "b"], Sheets()), 5, groups)
    order = random.permutation(80)
    clips = Clips(tmp_path, [rows[i] for i in order], ["a", "b"], Sheets())
    np.testing.assert_array_equal(folds.folds(clips, 5, groups[order]), first[order])
    assert all(len(np.unique(first[groups == g])) == 1 for g in np.unique(groups))
    for label in (0, 1):
        counts = np.bincount(first[np.arange(80) // 40 == label], minlength=5)
        assert counts.max() - counts.min() <= 2
