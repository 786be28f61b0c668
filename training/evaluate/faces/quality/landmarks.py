"""Landmarks that are wrong, and faces turned far aside: which of them are refused?

Faces with true points: those of kind gt68 of a folder with faces.csv (picture, kind, lex, ley and
so on to rmy) and pictures/, as of HELEN and AFW.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....data.pictures import decode

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]
_POINTS = ("lex", "ley", "rex", "rey", "nx", "ny", "lmx", "lmy", "rmx", "rmy")
PROFILE = 0.25
"""Yaw in eye distances from which a face counts as turned aside; about 25 degrees."""

TRUE, SMALL = "true points", 20.0


@dataclass(frozen=True)
class Refused:
    """Of ``faces`` with landmarks that are wrong in one way: the shares that raise an error, that
    the residual refuses, and that are refused for any reason or error."""

    name: str
    faces: int
    error: float
    by_residual: float
    refused: float


def truths(folder: Path) -> list[tuple[str, Points]]:
    """Pictures and points (5, 2) of the faces whose eyes are ``SMALL`` pixels apart or more."""
    with open(folder / "faces.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "gt68"]
    points = [np.array([float(row[name]) for name in _POINTS]).reshape(5, 2) for row in rows]
    return [
        (row["picture"], face)
        for row, face in zip(rows, points, strict=True)
        if np.linalg.norm(face[[3, 4]].mean(axis=0) - face[:2].mean(axis=0)) >= SMALL
    ]


def _exchanged(points: Points, *order: int) -> Points:
    return points[list(order)]


def _lost(value: float, *which: int) -> Callable[[Points], Points]:
    def change(points: Points) -> Points:
        found = points.copy()
        found[list(which)] = value
        return found

    return change


WRONG: dict[str, Callable[[Points], Points]] = {
    TRUE: lambda points: points,
    "eyes exchanged": lambda points: _exchanged(points, 1, 0, 2, 3, 4),
    "mouth exchanged": lambda points: _exchanged(points, 0, 1, 2, 4, 3),
    "the person's left first": lambda points: _exchanged(points, 1, 0, 2, 4, 3),
    "nose first": lambda points: _exchanged(points, 2, 0, 1, 3, 4),
    "mouth before eyes": lambda points: _exchanged(points, 3, 4, 2, 0, 1),
    "y before x": lambda points: points[:, ::-1].copy(),
    "one eye at 0": _lost(0, 0),
    "other eye at -1": _lost(-1, 1),
    "nose at -1": _lost(-1, 2),
    "mouth corner at 0": _lost(0, 3),
    "both corners at -1": _lost(-1, 3, 4),
    "of a copy of half the size": lambda points: points / 2,
    "of a copy of twice the size": lambda points: points * 2,
    "of a copy half as wide": lambda points: points * [0.5, 1],
    "of a copy twice as wide": lambda points: points * [2, 1],
}


def measure(
    folder: Path, judge: Callable[[Picture, Points], tuple[float, tuple[str, ...]] | None]
) -> list[Refused]:
    """``judge`` gives yaw and reasons of a picture's face, None where it raises an error."""
    kept: dict[str, list[tuple[bool, bool, bool]]] = {}
    for name, points in truths(folder):
        picture = decode(folder / "pictures" / name, name)
        for wrong, change in WRONG.items():
            found = judge(picture, change(points))
            reasons = found[1] if found else ()
            row = (
                found is None,
                "landmarks do not fit a face" in reasons,
                found is None or any(reasons),
            )
            kept.setdefault(wrong, []).append(row)
            if wrong == TRUE and found and abs(found[0]) >= PROFILE:
                kept.setdefault("true points, turned aside", []).append(row)
    return [
        Refused(name, len(rows), *(float(np.mean([row[i] for row in rows])) for i in range(3)))
        for name, rows in kept.items()
    ]
