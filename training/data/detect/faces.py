"""A folder of pictures with boxes and landmarks: ``pictures.csv``, ``faces.csv``, ``pictures/``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..aside import aside

IGNORED = "ignore"
POINTS = tuple(f"{point}{axis}" for point in ("le", "re", "n", "lm", "rm") for axis in "xy")
MIRRORED = (1, 0, 2, 4, 3)
"""Which landmark takes whose place in the mirror."""


@dataclass(frozen=True)
class Labels:
    """Faces of a picture.

    ``boxes``: float32 (N, 4), left, top, right, bottom in pixels, a pixel's centre half a pixel
    from its edge. ``points``: float32 (N, 5, 2), image-left eye, image-right eye, nose, left and
    right mouth corner; NaN where unknown. ``kinds``: what labelled each; ``IGNORED`` ones are
    neither faces nor background.
    """

    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    kinds: tuple[str, ...]

    @property
    def ignored(self) -> NDArray[np.bool_]:
        """Bool (N)."""
        return np.array([kind == IGNORED for kind in self.kinds], bool)


@dataclass(frozen=True)
class Faces:
    """Pictures below ``root``: ``names``, ``labels`` and ``sources``, one each."""

    root: Path
    names: tuple[str, ...]
    labels: tuple[Labels, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Uint8 RGB (H, W, 3).

        Raises:
            FileNotFoundError: it is not there.
            ValueError: it is no picture; names the file.
        """
        path = self.root / "pictures" / self.names[index]
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: no such picture, but {self.root} lists it") from None
        except OSError as error:
            raise ValueError(f"{path}: not a picture ({error})") from error

    def chosen(self, places: Sequence[int]) -> Faces:
        """Those at ``places``."""
        return Faces(
            self.root,
            tuple(self.names[place] for place in places),
            tuple(self.labels[place] for place in places),
            tuple(self.sources[place] for place in places),
        )

    def parted(self) -> tuple[Faces, Faces]:
        """Those to learn from and those kept to judge by, chosen by name (``data/aside.py``)."""
        kept = [aside(name) for name in self.names]
        places = range(len(self))
        return (
            self.chosen([place for place in places if not kept[place]]),
            self.chosen([place for place in places if kept[place]]),
        )


def read(root: Path) -> Faces:
    """The set of a folder.

    Raises:
        FileNotFoundError: a table is missing.
        ValueError: a table lacks a column, a number is none, or a face is of an unknown picture.
    """
    pictures = _rows(root / "pictures.csv", ("picture", "source"))
    rows: dict[str, list[dict[str, str]]] = {row["picture"]: [] for row in pictures}
    table = root / "faces.csv"
    for number, row in enumerate(_rows(table, ("picture", "kind", "x", "y", "w", "h", *POINTS)), 2):
        if row["picture"] not in rows:
            raise ValueError(
                f"{table}, line {number}: {row['picture']!r} is not in pictures.csv; add it there"
            )
        rows[row["picture"]].append(row)
    try:
        labels = tuple(_labels(found) for found in rows.values())
    except ValueError as error:
        raise ValueError(f"{table}: expected numbers ({error})") from error
    return Faces(root, tuple(rows), labels, tuple(row["source"] for row in pictures))


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; a detector's set has pictures.csv and faces.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for column in columns:
        if rows and column not in rows[0]:
            raise ValueError(f"{path}: no column {column!r}; expected {', '.join(columns)}")
    return rows


def _labels(rows: list[dict[str, str]]) -> Labels:
    boxes = np.array([[float(row[key]) for key in "xywh"] for row in rows], np.float32)
    boxes = boxes.reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    points = [[float(row[key] or "nan") for key in POINTS] for row in rows]
    return Labels(
        boxes,
        np.array(points, np.float32).reshape(-1, 5, 2),
        tuple(row["kind"] for row in rows),
    )
