"""Photos for tests: scikit-image's astronaut, pasted into canvases at sizes and places."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

HEAD = (128, 0, 352, 224)
"""Head and shoulders of the astronaut: left, top, right, bottom; the face is 94 of the 224."""
FACE = (49, 63, 143, 174)
"""The face's box in it."""


def head() -> Image.Image:
    """The astronaut's head, 224x224 pixels."""
    data = pytest.importorskip("skimage.data")
    return Image.fromarray(data.astronaut()).crop(HEAD)


def canvas(path: Path, size: tuple[int, int], *places: tuple[int, int, int]) -> Path:
    """Writes a plain picture, width and height, with a head at each ``(left, top, side)``."""
    made = Image.new("RGB", size, (96, 112, 128))
    for left, top, side in places:
        made.paste(head().resize((side, side), Image.Resampling.LANCZOS), (left, top))
    made.save(path)
    return path


def box(left: int, top: int, side: int) -> list[float]:
    """Where the face of such a head is: left, top, right, bottom."""
    return [offset + edge * side / 224 for offset, edge in zip((left, top) * 2, FACE, strict=True)]
