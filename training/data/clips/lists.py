"""Which clips a set has, and of which class: the lists of Kinetics, UCF-101 and HMDB-51, and ours.

Kinetics: a CSV with ``label,youtube_id,time_start,time_end``; the clip is
``LABEL/ID_START_END.mp4``, seconds in six digits. UCF-101: ``trainlist01.txt`` and
``testlist01.txt`` of ``Class/name.avi``, and ``classInd.txt`` that numbers the classes. HMDB-51:
``CLASS_test_split1.txt`` with ``name.avi 1`` for training, 2 for the test and 0 for neither. Ours:
a CSV with ``path`` and ``label``, and ``part`` (train or test) where it has both.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from pocketvision.files import LITTER, PICTURES

from .base import Row
from .video import SUFFIXES

PARTS = ("train", "test")


def folder(root: Path, kind: str) -> list[Row]:
    """Every clip of ``root/CLASS/CLIP``; ``kind`` says what a clip is: sheets, frames or videos.

    Raises:
        FileNotFoundError: no such folder.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder of clips")
    suffixes = {"sheets": PICTURES, "videos": SUFFIXES}.get(kind)
    return [
        Row(f"{label.name}/{clip.name}", label.name)
        for label in _shown(root)
        if label.is_dir()
        for clip in _shown(label)
        if (clip.is_dir() if suffixes is None else clip.suffix.lower() in suffixes)
    ]


def table(path: Path, part: str) -> list[Row]:
    """Our own list; without a column ``part`` every row is of each part.

    Raises:
        FileNotFoundError: no such list.
        ValueError: no columns path and label, or a part of another name; names the line.
    """
    rows = []
    for line, values in _csv(path, ("path", "label")):
        own = values.get("part", part)
        if own not in PARTS:
            raise ValueError(f"{path}:{line}: expected the part train or test, got {own!r}")
        if own == part:
            rows.append(Row(values["path"], values["label"]))
    return rows


def kinetics(path: Path) -> list[Row]:
    """The list of one part of Kinetics; errors as of :func:`table`."""
    rows = []
    for line, values in _csv(path, ("label", "youtube_id", "time_start", "time_end")):
        try:
            start, end = (int(float(values[key])) for key in ("time_start", "time_end"))
        except ValueError:
            raise ValueError(
                f"{path}:{line}: expected seconds, got {values['time_start']!r} and "
                f"{values['time_end']!r}"
            ) from None
        label = values["label"]
        rows.append(Row(f"{label}/{values['youtube_id']}_{start:06d}_{end:06d}.mp4", label))
    return rows


def ucf101(path: Path, part: str, split: int) -> list[Row]:
    """A split (1 to 3) of UCF-101; ``path`` is the folder of the lists. Errors as of :func:`table`.

    Test lists name no class: it is the first folder of the path.
    """
    name = path / f"{part}list{split:02d}.txt"
    rows = []
    for line, words in _words(name):
        label, slash, _ = words[0].partition("/")
        if len(words) > 2 or not slash or (len(words) == 2 and not words[1].isdecimal()):
            raise ValueError(f"{name}:{line}: expected Class/name.avi and a number, got {words}")
        rows.append(Row(words[0], label))
    return rows


def ucf101_names(path: Path) -> list[str]:
    """The classes in the order of their numbers; errors as of :func:`table`."""
    name = path / "classInd.txt"
    found = {}
    for line, words in _words(name):
        if len(words) != 2 or not words[0].isdecimal():
            raise ValueError(f"{name}:{line}: expected a number and a class, got {words}")
        found[int(words[0])] = words[1]
    return [found[number] for number in sorted(found)]


def hmdb51(path: Path, part: str, split: int) -> list[Row]:
    """A split (1 to 3) of HMDB-51; ``path`` is the lists' folder. Errors as of :func:`table`."""
    wanted = str(1 + PARTS.index(part))
    lists = sorted(path.glob(f"*_test_split{split}.txt"))
    if not lists:
        raise FileNotFoundError(f"{path}: no list CLASS_test_split{split}.txt")
    rows = []
    for name in lists:
        label = name.name.removesuffix(f"_test_split{split}.txt")
        for line, words in _words(name):
            if len(words) < 2 or words[-1] not in ("0", "1", "2"):
                raise ValueError(f"{name}:{line}: expected name.avi and 0, 1 or 2, got {words}")
            if words[-1] == wanted:
                rows.append(Row(f"{label}/{' '.join(words[:-1])}", label))
    return rows


def present(rows: list[Row], root: Path) -> tuple[list[Row], list[str]]:
    """Those of ``rows`` that are there, and a reason for each other one."""
    there, skipped = [], []
    for row in rows:
        if (root / row.path).exists():
            there.append(row)
        else:
            skipped.append(f"{root / row.path}: named by the list, and not there")
    return there, skipped


def _shown(place: Path) -> list[Path]:
    return sorted(
        p for p in place.iterdir() if not p.name.startswith(".") and p.name.lower() not in LITTER
    )


def _csv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the number of their line."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path}: expected the columns {', '.join(columns)}, no {missing[0]}")
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(
                    f"{path}:{reader.line_num}: expected {len(columns)} fields or more"
                )
            yield reader.line_num, row


def _words(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The words of each line that has any, with its number."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if words := line.split():
            yield number, words
