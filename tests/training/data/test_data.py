"""Sets of pictures: folders, tar shards, record files; each with what may be broken in it."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from pocketvision.training.data import base, folder, record, shards  # noqa: E402


def picture(shade: int, side: int = 8) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), shade, np.uint8)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two people of two pictures: shades 0, 1 and 10, 11."""
    for person in (0, 1):
        (tmp_path / "set" / f"p{person}").mkdir(parents=True)
        for number in (0, 1):
            content = picture(10 * person + number)
            (tmp_path / "set" / f"p{person}" / f"{number}.png").write_bytes(content)
    return tmp_path / "set"


def test_a_folder_by_people_and_by_list(people: Path) -> None:
    faces = folder.Folder(people)
    assert (len(faces), faces.classes, faces.names) == (4, 2, ["p0", "p1"])
    assert [int(faces.image(i)[0, 0, 0]) for i in range(4)] == [0, 1, 10, 11]
    base.check(faces, size=8, classes=2)
    listed = people / "list.csv"
    listed.write_text("path,identity\np1/1.png,b\np0/0.png,a\n")
    chosen = folder.Folder(people, listed)
    assert chosen.labels.tolist() == [1, 0]
    assert int(chosen.image(0)[0, 0, 0]) == 11
    for start in ("path,identity\n", ""):
        listed.write_text(f"{start}{'x' * 131073},b\n")
        with pytest.raises(ValueError, match=r"list.csv:\d: not CSV: field larger"):
            folder.read_list(listed)


def test_checks_at_the_start(people: Path) -> None:
    with pytest.raises(ValueError, match="expected aligned 112x112.*8x8"):
        base.check(folder.Folder(people), size=112)
    with pytest.raises(ValueError, match="2 people.*says 3"):
        base.check(folder.Folder(people), size=8, classes=3)
    (people / "p2").mkdir()
    with pytest.raises(ValueError, match="no picture: p2"):
        base.check(folder.Folder(people), size=8)
    (people / "p2").rmdir()
    faces = folder.Folder(people)
    (people / "p0" / "0.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 4.*0.png"):
        base.check(faces, size=8)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        folder.Folder(people / "none")


def test_an_empty_folder_and_corrupt_pictures(people: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no picture"):
        base.check(folder.Folder(tmp_path / "empty"), size=8)
    (people / "p0" / "0.png").write_bytes(b"no picture")
    faces = folder.Folder(people)
    base.check(faces, size=8)
    with pytest.raises(base.CorruptImageError, match="0.png"):
        faces.image(0)
    for name in ("p0/1.png", "p1/0.png"):
        (people / name).write_bytes(b"no picture")
    with pytest.raises(ValueError, match="3 of 4 pictures looked at cannot be read"):
        base.check(faces, size=8)


def shard(path: Path, labels: list[int], *, as_json: bool = False) -> Path:
    with tarfile.open(path, "w") as archive:
        for number, label in enumerate(labels):
            text = json.dumps({"label": label}) if as_json else str(label)
            for suffix, content in (
                ("png", picture(label)),
                ("json" if as_json else "cls", text.encode()),
            ):
                member = tarfile.TarInfo(f"{path.stem}-{number}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def test_shards(tmp_path: Path) -> None:
    files = [shard(tmp_path / "a.tar", [7, 3]), shard(tmp_path / "b.tar", [10, 7], as_json=True)]
    faces = shards.Shards(files)
    assert (faces.names, faces.labels.tolist()) == (["3", "7", "10"], [1, 0, 2, 1])
    assert [int(faces.image(i)[0, 0, 0]) for i in range(4)] == [7, 3, 10, 7]
    assert faces.size(3) == (8, 8)
    base.check(faces, size=8, classes=3)


def test_broken_shards(tmp_path: Path) -> None:
    whole = shard(tmp_path / "a.tar", [1, 2]).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:700])
    with pytest.raises(ValueError, match="a.tar: not a whole tar"):
        shards.Shards([tmp_path / "a.tar"])
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        member = tarfile.TarInfo("x.png")
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(ValueError, match="x.png has no label"):
        shards.Shards([tmp_path / "b.tar"])
    with pytest.raises(FileNotFoundError):
        shards.Shards([])


def frame(content: bytes, flag: int = 0) -> bytes:
    head = struct.pack("<II", record.MAGIC, flag << 29 | len(content))
    return head + content + bytes(-len(content) % 4)


def entry(labels: list[float], content: bytes) -> bytes:
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], 0, 0) + content
    return struct.pack("<IfQQ", len(labels), 0.0, 0, 0) + struct.pack("<2f", *labels) + content


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """As InsightFace writes them: 0 the header, 1 to 3 pictures, 4 and 5 the people."""
    parts = [
        frame(entry([4.0, 6.0], b"")),
        frame(entry([0.0], picture(20))),
        frame(entry([0.0, 9.0], picture(21))),
        frame(entry([1.0], picture(22))),
        frame(entry([1.0, 3.0], b"")),
        frame(entry([3.0, 4.0], b"")),
    ]
    offsets = np.cumsum([0, *map(len, parts)])
    (tmp_path / "train.rec").write_bytes(b"".join(parts))
    lines = [f"{key}\t{offset}" for key, offset in enumerate(offsets[:-1])]
    (tmp_path / "train.idx").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_records(records: Path) -> None:
    faces = record.Record(records)
    assert (len(faces), faces.classes, faces.labels.tolist()) == (3, 2, [0, 0, 1])
    assert [int(faces.image(i)[0, 0, 0]) for i in range(3)] == [20, 21, 22]
    base.check(faces, size=8, classes=2)


def test_a_record_in_parts_is_joined_by_the_magic(tmp_path: Path) -> None:
    content = entry([5.0], b"left" + struct.pack("<I", record.MAGIC) + b"right")
    place = content.index(struct.pack("<I", record.MAGIC))
    parts = frame(content[:place], 1) + frame(content[place + 4 :], 3)
    (tmp_path / "train.rec").write_bytes(parts)
    (tmp_path / "train.idx").write_text("3 0\n")
    faces = record.Record(tmp_path)
    assert faces._content(0) == b"left" + struct.pack("<I", record.MAGIC) + b"right"


def test_broken_records(records: Path) -> None:
    file, index = records / "train.rec", records / "train.idx"
    whole, lines = file.read_bytes(), index.read_text()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"train.idx: line \d: offset .* past the end"):
        record.Record(records)
    file.write_bytes(whole)
    index.write_text(lines.replace("2\t", "2\t1"))
    with pytest.raises(ValueError, match="past the end|expected the magic"):
        record.Record(records)
    index.write_text("zero one\n")
    with pytest.raises(ValueError, match="line 1: expected 'key offset'"):
        record.Record(records)
    index.unlink()
    with pytest.raises(FileNotFoundError, match="train.idx"):
        record.Record(records)


def test_a_record_file_cut_inside_a_picture(records: Path) -> None:
    file, index = records / "train.rec", records / "train.idx"
    offset = int(index.read_text().splitlines()[3].split()[1])
    file.write_bytes(file.read_bytes()[: offset + 60])
    index.write_text("\n".join(index.read_text().splitlines()[1:4]) + "\n")
    with pytest.raises(ValueError, match=f"the record at byte {offset} ends .* early"):
        record.Record(records).image(2)
