"""ApproximateGallery: exact scores of nearly all that are nearest; files; what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import InputError, Int8Gallery
from pocketvision.faces.int8.approximate import ApproximateGallery

COUNT, SIZE, SHA256 = 3000, 48, "0f" * 32


@pytest.fixture(scope="module")
def rows() -> Any:
    """Faces lie in clusters: 600 people of five."""
    random = np.random.default_rng(1)
    people = random.integers(-90, 91, (COUNT // 5, 1, SIZE))
    found = people + random.integers(-30, 31, (COUNT // 5, 5, SIZE))
    return found.reshape(COUNT, SIZE).astype(np.int8)


@pytest.fixture(scope="module")
def gallery(rows: Any) -> ApproximateGallery:
    pytest.importorskip("usearch")
    made = ApproximateGallery(SIZE, source_sha256=SHA256)
    made.add(rows[:1500])
    made.add(rows[1500:])  # some of them by one thread, the rest by all
    return made


def test_nearly_the_exact_answers(gallery: ApproximateGallery, rows: Any) -> None:
    assert len(gallery) == COUNT and gallery.dimension == SIZE
    noise = np.random.default_rng(2).integers(-20, 21, (200, SIZE))
    probes = np.clip(rows[::15].astype(int) + noise, -127, 127).astype(np.int8)
    wanted, exact = Int8Gallery(rows).search(probes, 5)
    found, scores = gallery.search(probes, 5)
    assert found.shape == scores.shape == (200, 5)
    same = found == wanted
    assert same[:, 0].mean() >= 0.98 and same.mean() >= 0.95
    assert np.array_equal(scores[same], exact[same])
    assert (np.diff(scores, axis=1) <= 0).all()
    one = gallery.search(probes[3], 5)
    assert np.array_equal(one[0], found[3]) and np.array_equal(one[1], scores[3])


def test_equal_scores_stand_in_the_order_of_rows() -> None:
    pytest.importorskip("usearch")
    made = ApproximateGallery(8)
    made.add(np.ones((5, 8), np.int8))
    assert made.search(np.ones(8, np.int8), 5)[0].tolist() == [0, 1, 2, 3, 4]


def test_an_index_that_names_too_few(
    gallery: ApproximateGallery, rows: Any, monkeypatch: Any
) -> None:
    """Its graph may fall apart; then all rows are looked at."""

    class Few:
        """One candidate, unless the exact search is asked for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(whole, name)

        def __len__(self) -> int:
            return len(whole)

        def search(self, probes: Any, count: int, exact: bool = False) -> Any:
            return whole.search(probes, count if exact else 1, exact=exact)

    whole = gallery._index
    monkeypatch.setattr(gallery, "_index", Few())
    wanted = Int8Gallery(rows).search(rows[7], 4)
    assert gallery.search(rows[7], 4)[0].tolist() == wanted[0].tolist()


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file(gallery: ApproximateGallery, rows: Any, tmp_path: Path, mapped: bool) -> None:
    path = tmp_path / "people.usearch"
    gallery.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = ApproximateGallery.open(path, source_sha256=SHA256, mapped=mapped)
    assert len(again) == COUNT
    for a, b in zip(again.search(rows[:9], 3), gallery.search(rows[:9], 3), strict=True):
        assert np.array_equal(a, b)


def test_files_that_are_none(tmp_path: Path) -> None:
    usearch = pytest.importorskip("usearch.index")
    with pytest.raises(FileNotFoundError, match="no such index"):
        ApproximateGallery.open(tmp_path / "absent")
    path = tmp_path / "text"
    path.write_bytes(b"PVGALLRY" * 40)
    with pytest.raises(InputError, match=r"text: "):
        ApproximateGallery.open(path)
    other = usearch.Index(ndim=8, metric="cos", dtype="f32")
    other.add(0, np.ones(8, np.float32))
    other.save(str(path))
    with pytest.raises(InputError, match="expected an index of int8 cosines"):
        ApproximateGallery.open(path)


def test_bad_arguments(gallery: ApproximateGallery) -> None:
    with pytest.raises(InputError, match="expected 48 values"):
        gallery.search(np.ones(9, np.float32))
    with pytest.raises(InputError, match="k: expected an integer from 1 to 3000"):
        gallery.search(np.ones(SIZE), 0)
    with pytest.raises(InputError, match="dimension"):
        ApproximateGallery(0)
    with pytest.raises(InputError, match="64 digits"):
        ApproximateGallery(8, source_sha256="x")
    for rows, says in (
        (np.ones((2, SIZE)), r"int8 \(N, D\)"),
        (np.ones((2, 5), np.int8), "rows of 48 values"),
        (np.zeros((2, SIZE), np.int8), "row 0 is all zeros"),
    ):
        with pytest.raises(InputError, match=says):
            gallery.add(rows)


def test_without_usearch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usearch", None)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pocketvision\[index\]'"):
        ApproximateGallery(8)
