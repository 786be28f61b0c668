"""Aligned face crops listed in a CSV, decoded once into one uint8 array on disk."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm


def read_list(path: Path) -> list[tuple[str, str]]:
    """``(relative image path, identity)`` of each row of a list with those two columns first."""
    with open(path, newline="") as file:
        reader = csv.DictReader(file)
        missing = {"path", "identity"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(
                f"{path}: expected a CSV header with columns path and identity, "
                f"{', '.join(sorted(missing))} missing"
            )
        return [(row["path"], row["identity"]) for row in reader]


def load_crops(root: Path, files: list[str], cache: Path, size: int = 112) -> np.ndarray:
    """uint8 array (N, size, size, 3), RGB, memory-mapped from ``cache`` (made when absent).

    Raises:
        FileNotFoundError: an image of the list is not below ``root``.
        ValueError: an image cannot be decoded or has another size.
    """
    if not cache.exists():
        partial = cache.with_suffix(".partial")
        cache.parent.mkdir(parents=True, exist_ok=True)
        crops = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.uint8, shape=(len(files), size, size, 3)
        )
        for index, file in enumerate(tqdm(files, desc="decoding", disable=None)):
            crops[index] = _read(root / file, size)
        crops.flush()
        os.replace(partial, cache)
    crops = np.load(cache, mmap_mode="r")
    if crops.shape != (len(files), size, size, 3):
        raise ValueError(
            f"{cache}: holds {crops.shape}, the list asks for {(len(files), size, size, 3)}; "
            "delete it to decode anew"
        )
    return crops


def _read(path: Path, size: int) -> np.ndarray:
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a readable image; remove it from the list") from error
    if pixels.shape != (size, size, 3):
        raise ValueError(
            f"{path}: expected an aligned {size}x{size} crop, got {pixels.shape[:2]}; "
            "align it first"
        )
    return pixels
