"""``pocketvision detect PICTURE...``: boxes and landmarks of faces, as CSV, JSON or drawn."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ...faces.find.detector import Detected, Detector
from ...faces.find.photo import PARTS, SMALLEST, smallest
from ...pictures import read_picture
from ...runtime.shipped import DEFAULT_DETECTOR
from .. import folders
from ..common import Verbs, new_verb
from ..draw import add_draw, check_place, draw, file_of
from ..text import show, show_csv, show_json

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "detect", run, "Find faces with boxes and landmarks.")
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="or folders of pictures"
    )
    parser.add_argument(
        "--detector", default=DEFAULT_DETECTOR, metavar="FILE",
        help="a shipped or a compiled detector, default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--min-face", type=int, metavar="N",
        help=f"pixels of the smallest face; default a {PARTS}th of the shorter side, at least "
        f"{SMALLEST}",
    )  # fmt: skip
    parser.add_argument("--score", type=float, metavar="P", help="from which on it is a face")
    parser.add_argument(
        "--landmarks-only", action="store_true",
        help="lines picture,x1,y1,...,x5,y5 as --landmarks of other verbs takes them",
    )  # fmt: skip
    add_draw(parser, "points")
    folders.add_skip_bad(parser)


def run(arguments: argparse.Namespace) -> int:
    """A line a face; a picture without one is told on stderr."""
    detector = Detector(arguments.detector, score=arguments.score)
    pictures, skipped = folders.pictures(arguments.pictures)
    folders.tell(skipped)
    check_place(arguments.draw, len(pictures))
    bad = folders.Bad(arguments.skip_bad)
    rows: list[dict[str, Any]] = []
    without: list[str] = []
    for number, path in enumerate(folders.counted(pictures, "pictures")):
        faces = bad.attempt(path, partial(_find, detector, path, arguments, number))
        if faces is None:
            continue
        rows += [_row(path, index, faces) for index in range(len(faces))]
        if not len(faces):
            without.append(str(path))
    bad.report()
    if without and not arguments.json:
        show(f"no face in {len(without)}:", *(f"  {path}" for path in without), file=sys.stderr)
    if arguments.json:
        missed = folders.data(skipped) + bad.data()
        show_json({"faces": rows, "without": without, "skipped": missed})
    elif arguments.landmarks_only:
        show_csv([row["picture"], *_cells(row["landmarks"])] for row in rows)
    else:
        points = [f"{name}_{axis}" for name in POINTS for axis in "xy"]
        head = ["picture", "face", "score", "left", "top", "right", "bottom", *points]
        show_csv([head, *(_line(row) for row in rows)])
    return bad.code


def _find(detector: Detector, path: Path, arguments: argparse.Namespace, number: int) -> Detected:
    pixels = read_picture(path)
    least = arguments.min_face or smallest((pixels.shape[0], pixels.shape[1]))
    faces = detector.find(pixels, min_face=least)
    if arguments.draw:
        labels = [f"{score:.2f}" for score in faces.scores]
        place = file_of(arguments.draw, path, number)
        draw(place, pixels, faces.boxes.tolist(), labels, points=faces.landmarks)
    return faces


def _row(path: Path, index: int, faces: Detected) -> dict[str, Any]:
    return {
        "picture": str(path),
        "face": index,
        "score": float(faces.scores[index]),
        "box": faces.boxes[index].tolist(),
        "landmarks": faces.landmarks[index].ravel().tolist(),
    }


def _line(row: dict[str, Any]) -> list[str]:
    values = _cells([*row["box"], *row["landmarks"]])
    return [row["picture"], str(row["face"]), f"{row['score']:.4f}", *values]


def _cells(values: list[float]) -> list[str]:
    return [f"{value:.2f}" for value in values]
