"""Image folders: ``root/person/picture``, all of them or those of a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import pictures
from .faces import read_list

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


class Folder:
    """Pictures below ``root``; people are its folders, or the identities of ``listed`` (a CSV).

    Raises:
        FileNotFoundError: no such folder or list.
    """

    def __init__(self, root: Path, listed: Path | None = None):
        if not root.is_dir():
            raise FileNotFoundError(f"{root}: no such folder of pictures")
        if listed is not None:
            rows = read_list(listed)
        else:
            rows = [
                (f"{person.name}/{file.name}", person.name)
                for person in sorted(root.iterdir())
                if person.is_dir()
                for file in sorted(person.iterdir())
                if file.suffix.lower() in SUFFIXES
            ]
        people = {person for _, person in rows}
        if listed is None:
            people |= {person.name for person in root.iterdir() if person.is_dir()}
        self.root, self.files = root, [file for file, _ in rows]
        self.names = sorted(people)
        place = {name: label for label, name in enumerate(self.names)}
        self.labels: NDArray[np.int64] = np.array([place[person] for _, person in rows], np.int64)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def classes(self) -> int:
        return len(self.names)

    def image(self, index: int) -> NDArray[np.uint8]:
        return pictures.decode(self.root / self.files[index], str(self.root / self.files[index]))

    def size(self, index: int) -> tuple[int, int]:
        return pictures.size(self.root / self.files[index], str(self.root / self.files[index]))
