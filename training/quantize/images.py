"""Calibration crops: an evenly spaced choice from a folder of aligned training images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pocketvision.files import PICTURES

from ..data.pictures import decode


def choose(images: Path | np.ndarray, count: int, size: tuple[int, int]) -> np.ndarray:
    """uint8 RGB (count, height, width, 3), evenly spaced over the sorted files (or the array).

    Raises:
        FileNotFoundError: ``images`` is not a folder.
        ValueError: fewer than ``count`` images, or one that is unreadable or of another size.
    """
    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 or images.shape[1:] != (*size, 3):
            raise ValueError(
                f"images: expected uint8 (N, {size[0]}, {size[1]}, 3), got {images.dtype} "
                f"{images.shape}"
            )
        return np.asarray(images[_spaced(len(images), count, "images")])
    if not images.is_dir():
        raise FileNotFoundError(f"images {images}: expected a folder of aligned training crops")
    files = sorted(p for p in images.rglob("*") if p.suffix.lower() in PICTURES)
    return np.stack([_read(files[i], size) for i in _spaced(len(files), count, str(images))])


def _spaced(available: int, count: int, where: str) -> np.ndarray:
    if count < 1 or available < count:
        raise ValueError(
            f"{where}: expected {count} images, to calibrate and to choose the method, found "
            f"{available}; give more images or a smaller count"
        )
    return np.linspace(0, available - 1, count).round().astype(int)


def _read(path: Path, size: tuple[int, int]) -> np.ndarray:
    pixels = decode(path, str(path))
    if pixels.shape[:2] != size:
        raise ValueError(
            f"{path}: expected an aligned {size[0]}x{size[1]} crop, got "
            f"{pixels.shape[0]}x{pixels.shape[1]}; align it first"
        )
    return pixels
