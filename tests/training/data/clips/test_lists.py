"""Lists in the formats of Kinetics, UCF-101 and HMDB-51, our own, and folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from pocketvision.training.data.clips import folds, lists  # noqa: E402
from pocketvision.training.data.clips.base import Clips, Row  # noqa: E402
from pocketvision.training.data.clips.opened import Data, open_sets  # noqa: E402
from pocketvision.training.data.clips.sheets import Sheets  # noqa: E402

KINETICS = """label,youtube_id,time_start,time_end,split,is_cc
playing guitar,a-_B1,3,13,{part},0
abseiling,--x,120,130,{part},0
"""


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def paths(clips: Clips) -> list[str]:
    return [row.path for row in clips.rows]


def test_kinetics(tmp_path: Path) -> None:
    for part in ("train", "validate"):
        text = KINETICS.format(part=part)
        (tmp_path / f"{part}.csv").write_text(text.replace("a-_B1", f"a-_B1{part[0]}"))
    touch(tmp_path / "k", "playing guitar/a-_B1t_000003_000013.mp4",
          "playing guitar/a-_B1v_000003_000013.mp4", "abseiling/--x_000120_000130.mp4")  # fmt: skip
    options = Data("k", lists="kinetics", list="train.csv", test_list="validate.csv")
    with pytest.raises(
        ValueError, match="--x_000120_000130.mp4 is a training clip and a test clip"
    ):
        open_sets(options, tmp_path)
    text = (tmp_path / "validate.csv").read_text().replace("--x", "--y")
    (tmp_path / "validate.csv").write_text(text)
    sets = open_sets(options, tmp_path)
    assert sets.train.names == sets.test.names == ["abseiling", "playing guitar"]
    assert sets.train.labels.tolist() == [1, 0] and paths(sets.test) == [
        "playing guitar/a-_B1v_000003_000013.mp4"
    ]
    assert len(sets.test.skipped) == 1 and "--y_000120" in sets.test.skipped[0]
    (tmp_path / "train.csv").write_text(KINETICS.replace(",3,13", ",three,13"))
    with pytest.raises(ValueError, match=r"train\.csv:2: expected seconds, got 'three'"):
        open_sets(options, tmp_path)


def test_ucf101(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "classInd.txt").write_text("1 Archery\r\n2 Diving\r\n")
    (folder / "trainlist02.txt").write_text("Diving/v_D_g08_c01.avi 2\nArchery/v_A_g08_c01.avi 1\n")
    (folder / "testlist02.txt").write_text("Archery/v_A_g01_c01.avi\n\n")
    touch(tmp_path / "u", *("Diving/v_D_g08_c01.avi", "Archery/v_A_g08_c01.avi"),
          "Archery/v_A_g01_c01.avi")  # fmt: skip
    options = Data("u", lists="ucf101", list="lists", split=2)
    sets = open_sets(options, tmp_path)
    assert sets.train.names == ["Archery", "Diving"]
    assert sets.train.labels.tolist() == [1, 0] and sets.test.labels.tolist() == [0]
    with pytest.raises(FileNotFoundError, match=r"trainlist03\.txt"):
        open_sets(Data("u", lists="ucf101", list="lists", split=3), tmp_path)
    (folder / "testlist02.txt").write_text("v_A_g01_c01.avi\n")
    with pytest.raises(ValueError, match=r"testlist02\.txt:1: expected Class/name\.avi"):
        open_sets(options, tmp_path)


def test_hmdb51(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "brush_hair_test_split1.txt").write_text("a b.avi 1 \nc.avi 2 \nd.avi 0 \n")
    (folder / "wave_test_split1.txt").write_text("e.avi 1\nf.avi 2\n")
    touch(tmp_path / "h", "brush_hair/a b.avi", "brush_hair/c.avi", "wave/e.avi", "wave/f.avi")
    options = Data("h", lists="hmdb51", list="lists")
    sets = open_sets(options, tmp_path)
    assert paths(sets.train) == ["brush_hair/a b.avi", "wave/e.avi"]
    assert paths(sets.test) == ["brush_hair/c.avi", "wave/f.avi"]
    with pytest.raises(FileNotFoundError, match="CLASS_test_split2"):
        open_sets(Data("h", lists="hmdb51", list="lists", split=2), tmp_path)
    (folder / "wave_test_split1.txt").write_text("e.avi 3\n")
    with pytest.raises(ValueError, match=r"wave_test_split1\.txt:1: expected name\.avi and 0"):
        open_sets(options, tmp_path)


def test_a_table_of_ours_and_folders(tmp_path: Path) -> None:
    names = [f"{label}/{n}.jpg" for label in ("no", "yes") for n in range(4)]
    touch(tmp_path / "s", *names, "no/notes.txt", "no/.hidden.jpg")
    rows = [f"{name},{name.split('/')[0]},{'test' if '3' in name else 'train'}" for name in names]
    (tmp_path / "l.csv").write_text("\n".join(["path,label,part", *rows]) + "\n")
    sets = open_sets(Data("s", files="sheets", lists="csv", list="l.csv"), tmp_path)
    assert paths(sets.test) == ["no/3.jpg", "yes/3.jpg"] and len(sets.train) == 6
    whole = open_sets(Data("s", files="sheets", lists="csv", list="l.csv", folds=2), tmp_path)
    assert len(whole.train) == len(whole.test) == 4
    assert [row.path for row in lists.folder(tmp_path / "s", "sheets")] == names
    (tmp_path / "l.csv").write_text("path,label,part\nno/1.jpg,no,dev\n")
    with pytest.raises(ValueError, match=r"l\.csv:2: expected the part train or test, got 'dev'"):
        lists.table(tmp_path / "l.csv", "train")
    (tmp_path / "l.csv").write_text("path,part\nno/1.jpg,test\n")
    with pytest.raises(ValueError, match="no label"):
        lists.table(tmp_path / "l.csv", "train")


def test_folds_share_out_every_class_and_hang_on_names_alone(tmp_path: Path) -> None:
    rows = [Row(f"{c}/{n}", c) for c, count in (("a", 13), ("b", 12)) for n in range(count)]
    clips = Clips(tmp_path, rows, ["a", "b"], Sheets())
    found = folds.folds(clips, 5)
    assert np.bincount(found).tolist() == [5, 5, 5, 5, 5]
    for label in (0, 1):
        counts = np.bincount(found[clips.labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled = Clips(tmp_path, [rows[i] for i in order], ["a", "b"], Sheets())
    np.testing.assert_array_equal(folds.folds(shuffled, 5), found[order])
    kept = folds.aside(clips, 0.25)
    assert [int(kept[clips.labels == c].sum()) for c in (0, 1)] == [3, 3]
    with pytest.raises(ValueError, match="class 'b' has 12 clips, too few for 13 folds"):
        folds.folds(clips, 13)


def test_each_clip_is_a_test_clip_once(tmp_path: Path) -> None:
    touch(tmp_path / "s", *(f"{c}/{n}.jpg" for c in "ab" for n in range(6)))
    options = Data("s", files="sheets", folds=3, aside=0.25)
    sets = [open_sets(options, tmp_path, fold) for fold in range(3)]
    assert sorted(p for s in sets for p in paths(s.test)) == [
        f"{c}/{n}.jpg" for c in "ab" for n in range(6)
    ]
    for one in sets:
        assert one.choose is not None
        parts = [set(paths(clips)) for clips in (one.train, one.choose, one.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    with pytest.raises(ValueError, match="fold: expected 1 to 3, got 4"):
        open_sets(options, tmp_path, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lists": "csv", "folds": 2}, "data.list: goes with"),
        ({"list": "x", "folds": 2}, "data.list: goes with"),
        ({}, "data.folds: a folder has no list"),
        ({"folds": 1}, "data.folds: expected 2 or more, got 1"),
        ({"folds": 2, "frames": 1}, "data.frames: expected 2 or more"),
        ({"folds": 2, "aside": 1.0}, "data.aside: expected 0 to below 1"),
        ({"folds": 2, "scenes": -0.1}, "data.scenes: expected 0 to below 1"),
        ({"lists": "csv", "list": "x", "scenes": 0.9}, "data.scenes: only folds"),
        ({"lists": "kinetics", "list": "x"}, "data.test_list: goes with"),
    ],
)
def test_mistakes_of_the_table(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Data("s", **values)


def test_a_root_without_its_clips(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("path,label\na/1.jpg,a\n")
    (tmp_path / "s").mkdir()
    with pytest.raises(FileNotFoundError, match="none of the 1 clips of its list is there"):
        open_sets(Data("s", lists="csv", list="l.csv"), tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_sets(Data("nowhere", folds=2), tmp_path)
