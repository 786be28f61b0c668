"""Contact sheets: a clip as one picture, its frames in a square grid, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import pictures
from ..base import CorruptImageError
from .base import CorruptClipError, Frames


class Sheets:
    """Sheets of ``side`` x ``side`` frames."""

    def __init__(self, side: int = 4):
        self.side = side

    def length(self, path: Path) -> int:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such contact sheet")
        return self.side**2

    def read(self, path: Path, indices: Sequence[int]) -> Frames:
        try:
            sheet = pictures.decode(path, str(path))
        except CorruptImageError as error:
            raise CorruptClipError(str(error)) from None
        height, width = sheet.shape[:2]
        if height % self.side or width % self.side:
            raise CorruptClipError(
                f"{path}: expected a grid of {self.side}x{self.side} frames, whose sides are "
                f"multiples of {self.side}; got {width}x{height} pixels"
            )
        high, wide = height // self.side, width // self.side
        cells = sheet.reshape(self.side, high, self.side, wide, 3).swapaxes(1, 2)
        return np.ascontiguousarray(cells.reshape(-1, high, wide, 3)[np.asarray(indices, int)])
