"""A folder of one's own people: all pairs, thresholds at rates as lines, and warnings where few."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402
from pocketvision.training.evaluate.faces import people  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people of four nearly equal pictures, a picture that is none, and a text."""
    root = tmp_path_factory.mktemp("people")
    random = np.random.default_rng(6)
    for person in range(8):
        (root / f"p{person}").mkdir()
        coarse = random.integers(0, 256, (7, 7, 3), dtype=np.uint8)
        face = np.asarray(Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC))
        for number in range(4):
            noisy = face.astype(int) + random.integers(-9, 10, face.shape)
            picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
            picture.save(root / f"p{person}" / f"{number}.png")
    (root / "p1" / "cut.png").write_bytes(b"\x89PNG")
    (root / "p2" / "notes.txt").write_text("x")
    return root


def means(crops: np.ndarray) -> np.ndarray:
    """An embedder by hand: mean colour of sixteen parts."""
    parts = crops.reshape(len(crops), 4, 28, 4, 28, 3).mean(axis=(2, 4))
    return (parts.reshape(len(crops), -1) - 127.5).astype(np.float32)


def test_every_pair_counts(folder: Path) -> None:
    found = people.evaluate(means, folder)
    assert (found.pictures, found.people) == (32, 8)
    assert (found.genuine, found.impostors) == (8 * 6, 28 * 16)
    assert [point.far for point in found.points] == [0.1, 0.01]
    assert all(point.tar.value == 1.0 for point in found.points)
    assert len(found.left_out) == 2
    names = " ".join(found.left_out)
    assert "p1/cut.png: cannot be decoded" in names and "p2/notes.txt: not a picture" in names
    few, people_, genuine = found.warnings
    assert "448 pairs of strangers are too few to say anything at FAR 0.1 %" in few
    assert "8 people are few" in people_ and "48 pairs of one person" in genuine


def test_pairs_are_all_there_or_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([0, 1, 0, 2, 1, 1])
    first, second, same = people._pairs(labels)
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(a, b) for a in range(6) for b in range(a + 1, 6)}
    assert (same == (labels[first] == labels[second])).all() and same.sum() == 4
    monkeypatch.setattr(people, "MOST", 4)
    first, second, same = people._pairs(labels)
    drawn = set(zip(first.tolist(), second.tolist(), strict=True))
    assert len(drawn) == 8 and drawn < pairs and same.sum() == 4
    assert (same == (labels[first] == labels[second])).all()
    monkeypatch.setattr(people, "MOST", 30)
    many = np.arange(40) % 9  # 780 pairs, of which four times 30 are not even listed
    first, second, same = people._pairs(many)
    assert len({*zip(first.tolist(), second.tolist(), strict=True)}) == 60 and same.sum() == 30
    assert (first < second).all() and (same == (many[first] == many[second])).all()


def test_folders_that_cannot_be_judged(folder: Path, tmp_path: Path) -> None:
    def copy(names: dict[str, str]) -> Path:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, source in names.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes((folder / source).read_bytes())
        return root

    one = copy({"a/1.png": "p0/0.png", "a/2.png": "p0/1.png"})
    with pytest.raises(ValueError, match="no stranger to compare with"):
        people.evaluate(means, one)
    with pytest.raises(ValueError, match="no two of one person"):
        people.evaluate(means, copy({"a/1.png": "p0/0.png", "b/1.png": "p1/0.png"}))
    with pytest.raises(ValueError, match="no picture that can be read.*cut.png"):
        people.evaluate(means, copy({"a/cut.png": "p1/cut.png"}))
    Image.new("RGB", (96, 112)).save(one / "a" / "3.png")
    with pytest.raises(ValueError, match="pictures of 2 sizes .96x112, 112x112."):
        people.evaluate(means, one)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        people.evaluate(means, tmp_path / "none")


def test_the_verb(folder: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["evaluate", "folder", "--model", "facechain-25m", "--images", str(folder)]
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    bounds = r"\(\d+\.\d to \d+\.\d\)"
    for far, line in zip(("10", "1"), lines, strict=False):
        assert re.fullmatch(rf"TAR \d+\.\d % {bounds} at FAR {far} %, threshold \S+ \(.*\)", line)
    assert lines[2].startswith("48 pairs of one person and 448 of two, 8 people, one view of each")
    assert len(lines) == 3 and not re.search(r"[{}\[\]']", said.out)
    assert said.err.count("warning: ") == 3 and "left out: 2\n" in said.err
    assert cli.main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == 496 and set(found["tar"]) == {"0.1", "0.01"}
    low, high = found["intervals"]["0.01"]
    assert low <= found["tar"]["0.01"] <= high
    assert found["thresholds"]["0.01"]["value"] > found["thresholds"]["0.1"]["value"]
    assert cli.main([*arguments, "--flip"]) == 0
    assert "with mirror images" in capsys.readouterr().out


def test_the_threshold_is_that_of_one_view(folder: Path) -> None:
    """What ``verify`` compares are embeddings of one view, so that is what is measured."""
    one, two = (people.evaluate("facechain-25m", folder, flip=flip) for flip in (False, True))
    assert one.points[1].threshold.value != two.points[1].threshold.value
    assert not one.flip and two.flip
