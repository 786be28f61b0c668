"""Packed shards: the same pictures, smaller, less those kept aside; and who those are."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.training.data import aside, pack  # noqa: E402
from pocketvision.training.data.folder import Folder  # noqa: E402
from pocketvision.training.data.shards import Shards  # noqa: E402


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, Path]:
    """Forty smooth pictures and their list, without identities."""
    random, rows = np.random.default_rng(2), []
    for index in range(40):
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        (tmp_path / "src").mkdir(exist_ok=True)
        coarse.resize((112, 112), Image.Resampling.BICUBIC).save(tmp_path / f"src/{index}.png")
        rows.append([f"{index}.png"])
    with open(tmp_path / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path"], *rows])
    return tmp_path / "src", tmp_path / "list.csv"


def test_a_shard_holds_what_is_not_kept_aside(source, tmp_path: Path) -> None:
    faces = Folder(*source)
    packed, kept = pack.pack(faces, tmp_path / "part.tar", 75, keep_aside=True)
    wanted = [index for index, file in enumerate(faces.files) if not aside.aside(file)]
    found = Shards([tmp_path / "part.tar"])
    assert packed == len(found) == len(wanted) and kept == 40 - packed > 0
    assert {found.names[label] for label in found.labels} == {faces.files[at] for at in wanted}
    for place, index in enumerate(wanted):
        difference = found.image(place).astype(float) - faces.image(index)
        assert np.abs(difference).mean() < 3


def test_the_command_says_what_it_packed(source, tmp_path: Path, capsys, monkeypatch) -> None:
    root, listed = source
    out = tmp_path / "part.tar"
    monkeypatch.setattr("sys.argv", ["pack", str(root), "--list", str(listed), "--out", str(out)])
    pack.main()
    assert "part.tar: 40 pictures" in capsys.readouterr().out
    assert len(Shards([out])) == 40


def test_a_tenth_is_kept_aside_whatever_else_is_listed() -> None:
    names = [f"utk/utk_{index:05d}.webp" for index in range(20_000)]
    kept = [name for name in names if aside.aside(name)]
    assert 0.09 < len(kept) / len(names) < 0.11
    assert [name for name in reversed(names) if aside.aside(name)] == kept[::-1]
    assert not any(aside.aside(name, 0.0) for name in names[:100])
