"""Folders of people and pictures: who is found, what is skipped and said, what was bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pocketvision.cli import folders
from pocketvision.cli.folders import MOST, Bad, Skipped
from pocketvision.errors import InputError


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_people(tmp_path: Path) -> None:
    make(
        tmp_path, "Bo.JPG", "Ann/2.png", "Ann/1.jpg", "Ann/notes.txt", "Cy/deep/1.jpg", "Di/x.heic",
        "list.csv", ".hidden.jpg", ".cache/1.jpg", "Thumbs.db", "Ann/.DS_Store", "__MACOSX/1.jpg",
        "noend",
    )  # fmt: skip
    found = folders.people(tmp_path)
    assert [(name, str(path.relative_to(tmp_path))) for name, path in found.people] == [
        ("Ann", "Ann/1.jpg"), ("Ann", "Ann/2.png"), ("Bo", "Bo.JPG"),
    ]  # fmt: skip
    said = {str(item.path.relative_to(tmp_path)): item.why for item in found.skipped}
    assert set(said) == {"Ann/notes.txt", "Cy/deep", "Cy", "Di/x.heic", "Di", "list.csv", "noend"}
    assert ".txt are not read" in said["Ann/notes.txt"] and "within" in said["Cy/deep"]
    assert said["Cy"] == said["Di"] == "a folder without pictures"
    assert said["noend"].startswith("files without a suffix")


def test_nobody(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="expected a folder of people"):
        folders.people(tmp_path / "none")
    make(tmp_path, "a.heic", "b.txt")
    with pytest.raises(InputError, match=r"holds no picture.*skipped .*a.heic: .*and 1 more"):
        folders.people(tmp_path)


def test_pictures(tmp_path: Path) -> None:
    make(tmp_path, "in/b/2.png", "in/a.jpg", "in/b/.x.png", "in/c.md", "odd")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    found, skipped = folders.pictures([tmp_path / "odd", tmp_path / "in"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["odd", "in/a.jpg", "in/b/2.png"]
    assert [item.path.name for item in skipped] == ["c.md", "loop"]
    with pytest.raises(FileNotFoundError, match="none: no such picture or folder"):
        folders.pictures([tmp_path / "none"])


def test_long_lists_are_summed_up(tmp_path: Path, capsys: Any) -> None:
    folders.tell([Skipped(tmp_path / f"{i}.{'md' if i % 2 else 'txt'}", "no") for i in range(100)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MOST + 2 and lines[0] == "not read: 100"
    assert lines[-1] == f"  and {100 - MOST} more: 40 .txt, 40 .md"
    folders.tell([])
    assert capsys.readouterr().err == ""


def test_bad_pictures_are_an_error_or_a_list(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "a\x1b.png"

    def fail() -> None:
        raise InputError(f"{path}: no\npicture")

    with pytest.raises(InputError):
        Bad(False).attempt(path, fail)
    bad = Bad(True)
    assert bad.attempt(path, fail) is None and bad.attempt(path, lambda: 7) == 7
    assert bad.code == 1 and bad.data() == [{"path": str(path), "why": "no picture"}]
    bad.report()
    error = capsys.readouterr().err
    assert error.startswith("skipped 1 that cannot be used:\n") and "\x1b" not in error
    with pytest.raises(ZeroDivisionError):
        Bad(True).attempt(path, lambda: 1 // 0)  # a fault of ours is none of the picture's
    Bad(True).report()
    assert Bad(True).code == 0 and capsys.readouterr().err == ""
