"""Pictures with boxes, points and names on them, as PNG: --draw of the verbs that find faces."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import PRIVATE, write_whole
from .common import new_file, new_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SUFFIX = ".png"
SURE, DOUBTFUL = (0, 200, 0), (235, 140, 0)
"""Colours of boxes: of a face, and of one whose name is not known or not to be relied on."""


def add_draw(parser: Any, what: str) -> None:
    """--draw; ``what`` the pictures show besides boxes."""
    parser.add_argument(
        "--draw", type=_place, metavar="PLACE",
        help=f"pictures with boxes and {what}: OUT.png of a single picture, or a folder",
    )  # fmt: skip


def _place(text: str) -> Path:
    if Path(text).suffix.lower() == SUFFIX:
        return new_file(text)
    if Path(text).suffix.lower() in (".jpg", ".jpeg", ".webp"):
        raise argparse.ArgumentTypeError(f"{text}: pictures are drawn as PNG; name it OUT.png")
    return new_folder(text)


def check_place(place: Path | None, count: int) -> None:
    """InputError where ``count`` pictures would go into one file."""
    if place is not None and count > 1 and place.suffix.lower() == SUFFIX:
        raise InputError(f"--draw: {place} is one picture, and there are {count}; name a folder")


def file_of(place: Path, path: Path, number: int) -> Path:
    """Where the picture ``path``, the ``number``-th of all, is drawn."""
    if place.suffix.lower() == SUFFIX:
        return place
    # Folders hold pictures of one name; the number is the picture's place among all.
    return place / f"{number:05}-{path.stem}{SUFFIX}"


def draw(
    out: Path,
    pixels: NDArray[np.uint8],
    boxes: Sequence[Sequence[float]],
    labels: Sequence[str],
    *,
    points: NDArray[np.float64] | None = None,
    sure: Sequence[bool] | None = None,
) -> None:
    """Writes what :func:`marked` makes; only its owner may read the file."""
    picture = marked(pixels, boxes, labels, points=points, sure=sure)
    write_whole(out, lambda file: picture.save(file, "PNG"), PRIVATE)


def marked(
    pixels: NDArray[np.uint8],
    boxes: Sequence[Sequence[float]],
    labels: Sequence[str],
    *,
    points: NDArray[np.float64] | None = None,
    sure: Sequence[bool] | None = None,
) -> Image.Image:
    """A picture, uint8 RGB (H, W, 3), with a box and a label of each face.

    ``boxes``: left, top, right, bottom in its pixels. ``points``: (F, N, 2). ``sure``: which are
    drawn in the colour of a face that is; None for all.
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(pixels)
    drawing = ImageDraw.Draw(picture)
    thick = max(1, min(picture.size) // 250)
    font = ImageFont.load_default(max(10, min(picture.size) // 32))
    for index, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        colour = SURE if sure is None or sure[index] else DOUBTFUL
        left, top, right, bottom = box
        drawing.rectangle((left, top, right, bottom), outline=colour, width=thick)
        for x, y in points[index] if points is not None else ():
            drawing.ellipse((x - thick, y - thick, x + thick, y + thick), fill=(255, 0, 0))
        if not label:
            continue
        # Above the box, or in it where the picture ends there.
        wide, high = drawing.textbbox((0, 0), label, font=font)[2:]
        x = max(0, min(left, picture.width - wide - 2 * thick))
        y = top - high - 2 * thick if top - high - 2 * thick >= 0 else top
        drawing.rectangle((x, y, x + wide + 2 * thick, y + high + 2 * thick), fill=colour)
        drawing.text((x + thick, y + thick), label, fill=(255, 255, 255), font=font)
    return picture


def noted(picture: Image.Image, text: str) -> Image.Image:
    """``picture`` itself, with a line of text in its upper left corner."""
    from PIL import ImageDraw

    drawing = ImageDraw.Draw(picture)
    drawing.rectangle(drawing.textbbox((4, 4), text), fill=(0, 0, 0))
    drawing.text((4, 4), text, fill=(255, 255, 255))
    return picture
