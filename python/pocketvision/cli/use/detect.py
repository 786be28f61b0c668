"""``pocketvision detect PICTURE...``: boxes and landmarks of faces, as CSV, JSON or drawn."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...faces.find.detector import Detected, Detector
from ...faces.find.photo import PARTS, SMALLEST, smallest
from ...files import PRIVATE, write_whole
from ...pictures import read_picture
from .. import folders
from ..common import Verbs, new_folder, new_verb
from ..text import show, show_csv, show_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "detect", run, "Find faces with boxes and landmarks.")
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="or folders of pictures"
    )
    parser.add_argument("--detector", required=True, metavar="FILE", help="a compiled detector")
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
    parser.add_argument(
        "--draw", type=new_folder, metavar="DIR", help="pictures with boxes and points, as PNG"
    )
    folders.add_skip_bad(parser)


def run(arguments: argparse.Namespace) -> int:
    """A line a face; a picture without one is told on stderr."""
    detector = Detector(arguments.detector, score=arguments.score)
    pictures, skipped = folders.pictures(arguments.pictures)
    folders.tell(skipped)
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
    faces = detector.find(pixels, min_face=arguments.min_face or smallest(pixels))
    if arguments.draw:
        # Folders hold pictures of one name; the number is the picture's place among all.
        _draw(arguments.draw / f"{number:05}-{path.stem}.png", pixels, faces)
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


def _draw(out: Path, pixels: NDArray[np.uint8], faces: Detected) -> None:
    from PIL import Image, ImageDraw

    picture = Image.fromarray(pixels)
    drawing = ImageDraw.Draw(picture)
    thick = max(1, min(picture.size) // 200)
    for box, points, score in zip(faces.boxes, faces.landmarks, faces.scores, strict=True):
        drawing.rectangle(tuple(box), outline=(0, 255, 0), width=thick)
        drawing.text((box[0] + thick + 1, box[1] + thick), f"{score:.2f}", fill=(0, 255, 0))
        for x, y in points:
            drawing.ellipse((x - thick, y - thick, x + thick, y + thick), fill=(255, 0, 0))
    write_whole(out, lambda file: picture.save(file, "PNG"), PRIVATE)
