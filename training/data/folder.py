"""Image folders: ``root/person/picture``, all of them or those of a list."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pocketvision.errors import InputError
from pocketvision.faces.alignment import align
from pocketvision.files import LITTER, PICTURES

from .base import CorruptImageError, stamp
from .pictures import EncodedSet, numbered

Landmarks = Mapping[str, NDArray[np.float64]]
"""Points (F, 5, 2) by picture: its path as a command names it, that below the root, or its name."""


class Folder(EncodedSet):
    """Pictures below ``root``; people are its folders, or the identities of ``listed`` (a CSV).

    ``skipped``: files that are taken for no picture, with the reason; hidden ones are not counted.
    With ``landmarks`` a picture is the aligned crop of its one face, ``side`` pixels wide and high.

    Raises:
        FileNotFoundError: no such folder or list.
    """

    def __init__(
        self,
        root: Path,
        listed: Path | None = None,
        landmarks: Landmarks | None = None,
        side: int = 112,
    ):
        if not root.is_dir():
            raise FileNotFoundError(f"{root}: no such folder of pictures")
        self.skipped: list[str] = []
        if listed is not None:
            rows = read_list(listed)
            people = {person for _, person in rows}
        else:
            rows, people = self._walk(root)
        self.root, self.files = root, [file for file, _ in rows]
        self.landmarks, self.side = landmarks, side
        self.shared = {n for n, k in Counter(Path(f).name for f in self.files).items() if k > 1}
        names = sorted(people)
        super().__init__(names, numbered(names, [person for _, person in rows]))

    def encoded(self, index: int) -> tuple[Path, str]:
        file = self.root / self.files[index]
        return file, str(file)

    def image(self, index: int) -> NDArray[np.uint8]:
        picture = super().image(index)
        if self.landmarks is None:
            return picture
        try:
            return align(picture, self._points(index), size=(self.side, self.side))[0]
        except InputError as error:
            raise CorruptImageError(f"{self.root / self.files[index]}: {error}") from None

    def size(self, index: int) -> tuple[int, int]:
        found = super().size(index)
        return found if self.landmarks is None else (self.side, self.side)

    def stamp(self) -> str:
        points = (p.tobytes() for p in (self.landmarks or {}).values())
        return stamp((self.root / file for file in self.files), *points)

    def _points(self, index: int) -> NDArray[np.float64]:
        assert self.landmarks is not None
        path = Path(self.files[index])
        whole = os.path.normpath(self.root / path)
        names = [whole, str(path), *([path.name] * (path.name not in self.shared))]
        points = next((self.landmarks[name] for name in names if name in self.landmarks), None)
        if points is None:
            raise InputError("the landmarks file has no line for this picture")
        if len(points) != 1:
            raise InputError(f"expected landmarks of one face, got {len(points)} faces")
        return points

    def _walk(self, root: Path) -> tuple[list[tuple[str, str]], set[str]]:
        """Pictures with their people, and all people, those without a picture too."""
        rows: list[tuple[str, str]] = []
        people: set[str] = set()
        for person in _shown(root):
            if not person.is_dir():
                if person.suffix.lower() in PICTURES:
                    self.skipped.append(f"{person}: lies in no person's folder")
                continue
            people.add(person.name)
            for file in _shown(person):
                if file.is_dir():
                    self.skipped.append(f"{file}: a folder in a person's folder")
                elif file.suffix.lower() not in PICTURES:
                    self.skipped.append(f"{file}: not a picture of {', '.join(PICTURES)}")
                else:
                    rows.append((f"{person.name}/{file.name}", person.name))
        return rows, people


def _shown(folder: Path) -> list[Path]:
    """What is in ``folder``, by name, but hidden files and what systems leave."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in LITTER
    )


def read_list(path: Path) -> list[tuple[str, str]]:
    """``(relative image path, identity)`` of each row of a list with those two columns.

    Without the second every picture is a person of its own, named by its path.
    """
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        try:
            rows, columns = list(reader), reader.fieldnames or ()
        except csv.Error as error:
            raise ValueError(f"{path}:{reader.line_num}: not CSV: {error}") from None
    if "path" not in columns:
        raise ValueError(
            f"{path}: expected a CSV header with a column path, and identity where people are "
            f"known; got {', '.join(columns) or 'nothing'}"
        )
    person = "identity" if "identity" in columns else "path"
    return [(row["path"], row[person]) for row in rows]
