"""All pictures of a set decoded once, each at full, half, quarter and eighth size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEVELS = 4


class Store:
    """Pictures in one file of a run's folder, that pages in what is read.

    Args:
        path: of the file; written if it is not there.
        pictures: uint8 RGB (H, W, 3) each; asked for once.
    """

    def __init__(self, path: Path, pictures: list[NDArray[np.uint8]]):
        self.places: list[list[tuple[int, int, int]]] = []
        parts: list[NDArray[np.uint8]] = []
        at = 0
        for picture in pictures:
            image, own = Image.fromarray(picture), []
            for level in range(LEVELS):
                if level:
                    wide, high = (max(1, (side + 1) // 2) for side in image.size)
                    image = image.resize((wide, high), Image.Resampling.BOX)
                own.append((at, image.height, image.width))
                parts.append(np.asarray(image).ravel())
                at += parts[-1].size
            self.places.append(own)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.concatenate(parts).tofile(path)
        del parts
        self.pixels = np.memmap(path, np.uint8, "r")

    def __len__(self) -> int:
        return len(self.places)

    def at(self, index: int, scale: float) -> tuple[NDArray[np.uint8], float, float]:
        """A picture that is not much larger than ``scale`` asks for.

        Returns:
            Uint8 (H, W, 3), and how many of its pixels, across and down, are one of the whole.
        """
        level = 0
        while level + 1 < LEVELS and scale * 2 ** (level + 1) <= 1.0:
            level += 1
        start, height, width = self.places[index][level]
        pixels = self.pixels[start : start + 3 * height * width].reshape(height, width, 3)
        whole = self.places[index][0]
        return pixels, width / whole[2], height / whole[1]
