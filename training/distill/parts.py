"""Teacher embeddings of a whole set, made in parts: an interrupt costs one part, not the set."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import torch

from . import teacher

PART = 2048
"""Crops of a part, a multiple of the teachers' step: parts change no batch, hence no embedding."""

ALIKE = 0.999
"""Cosine of an embedding and the same made again, on another machine or in other arithmetic."""


def embed(teachers: list[teacher.Embedder], crops: np.ndarray, cache: Path) -> None:
    """Embeds uint8 crops (N, H, W, 3) and their mirror images into the file ``cache``.

    Finished parts stand in the folder ``cache.parts`` until all are there; a part of other crops or
    by other teachers is made again.
    """
    folder = cache.with_suffix(".parts")
    folder.mkdir(parents=True, exist_ok=True)
    bounds = [(start, min(start + PART, len(crops))) for start in range(0, len(crops), PART)]
    paths = [folder / f"{start}-{stop}.npy" for start, stop in bounds]
    for path, (start, stop) in zip(paths, bounds, strict=True):
        if not (path.exists() and _kept(teachers, crops[start:stop], path)):
            teacher.embed(teachers, crops[start:stop], path)
    partial = cache.with_suffix(".partial.npy")
    shape = (2, len(crops), teacher.width(teachers))
    whole = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    for path, (start, stop) in zip(paths, bounds, strict=True):
        whole[:, start:stop] = np.load(path)
    whole.flush()
    os.replace(partial, cache)
    shutil.rmtree(folder)


def check(
    teachers: list[teacher.Embedder], crops: np.ndarray, known: np.ndarray, cache: Path
) -> None:
    """Embeds the first crop again.

    Raises:
        ValueError: ``known`` (2, N, D), read from ``cache``, has another embedding for it.
    """
    if not _same(teachers, crops, known):
        raise ValueError(
            f"{cache}: embeddings of other crops or by another teacher than the recipe's; delete "
            "it to make them anew"
        )


def _kept(teachers: list[teacher.Embedder], crops: np.ndarray, path: Path) -> bool:
    try:
        return _same(teachers, crops, np.load(path))
    except (ValueError, EOFError):  # no array, or cut off
        return False


def _same(teachers: list[teacher.Embedder], crops: np.ndarray, known: np.ndarray) -> bool:
    if known.ndim != 3 or known.shape[:2] != (2, len(crops)):
        return False
    planes = np.ascontiguousarray(crops[:1].transpose(0, 3, 1, 2), dtype=np.float32)
    found = teacher.ensemble(teachers, torch.from_numpy(planes))[0].cpu().numpy()
    return found.shape == known.shape[2:] and float(found @ known[0, 0]) > ALIKE
