"""Image folders: ``root/person/picture``, all of them or those of a list."""

from __future__ import annotations

import csv
from pathlib import Path

from pocketvision.files import PICTURES

from .pictures import EncodedSet, numbered


class Folder(EncodedSet):
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
                if file.suffix.lower() in PICTURES
            ]
        people = {person for _, person in rows}
        if listed is None:
            people |= {person.name for person in root.iterdir() if person.is_dir()}
        self.root, self.files = root, [file for file, _ in rows]
        names = sorted(people)
        super().__init__(names, numbered(names, [person for _, person in rows]))

    def encoded(self, index: int) -> tuple[Path, str]:
        file = self.root / self.files[index]
        return file, str(file)


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
