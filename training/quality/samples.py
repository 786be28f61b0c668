"""What the quality's network learns from: spoilt faces, and how much of each embedding is left."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from ..data import spoil
from ..data.aside import aside
from ..data.pictures import decode

Picture = NDArray[np.uint8]
Embed = Callable[[Picture], NDArray[np.float32]]
Features = Callable[[Picture], NDArray[np.int8]]

BATCH = 128
TWICE = 0.15
"""Share of the spoilt pictures that are spoilt in a second way too."""

LEAST_CENTRE = 0.5
"""Cosine to the centre of its person below which a labelled picture is no clean one."""


@dataclass(frozen=True)
class Samples:
    """``features`` int8 (N, F); ``left`` float32 (N): the mean over the embedders of the cosine of
    the spoilt picture's embedding with that of the picture as it was, 0 to 1, and 0 where nothing
    of a face is there; ``kinds`` (N): index into ``NAMES``; ``strengths`` float32 (N).
    """

    features: NDArray[np.int8]
    left: NDArray[np.float32]
    kinds: NDArray[np.int64]
    strengths: NDArray[np.float32]


NAMES = ("clean", "background", *spoil.KINDS)


@dataclass(frozen=True)
class Face:
    """A file below a root; ``name`` decides whether it was kept from training."""

    path: Path
    name: str


def faces(root: Path, listed: Path) -> list[Face]:
    """Those of a list (columns path and perhaps centroid_cos) that can pass for clean."""
    with open(listed, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "path" not in rows[0]:
        raise ValueError(f"{listed}: column path missing")
    return [
        Face(root / row["path"], row["path"])
        for row in rows
        if float(row.get("centroid_cos") or 1) >= LEAST_CENTRE
    ]


def backgrounds(folder: Path, *, kept: bool) -> list[Picture]:
    """Crops of 112 pixels of the pictures without a face of ``folder`` (and its pictures.csv)."""
    with open(folder / "pictures.csv", newline="") as file:
        names = [row["picture"] for row in csv.DictReader(file) if int(row["faces"]) == 0]
    found, random = [], np.random.default_rng(5)
    for name in names:
        if aside(name) != kept:
            continue
        image = Image.fromarray(decode(folder / "pictures" / name, name))
        for _ in range(8):
            side = min(random.uniform(40, 320), *image.size)
            left, top = random.uniform(0, np.array(image.size) - side)
            box = (left, top, left + side, top + side)
            found.append(np.asarray(image.resize((112, 112), Image.Resampling.BILINEAR, box)))
    return found


def make(
    chosen: Sequence[Face],
    embedders: Sequence[Embed],
    features: Features,
    *,
    kinds: Sequence[str],
    each: int,
    empty: Sequence[Picture] = (),
    seed: int = 0,
    progress: bool = False,
) -> Samples:
    """Each of ``chosen`` as it is, mirrored or not, and spoilt ``each`` times; and ``empty``."""
    random = np.random.default_rng(seed)
    rows: list[tuple[NDArray[np.int8], NDArray[np.float32], list[int], list[float]]] = []
    for batch in tqdm(list(_batches(chosen)), disable=not progress, desc="faces"):
        clean = np.stack([decode(face.path, face.name) for face in batch])
        if random.random() < 0.5:
            clean = np.ascontiguousarray(clean[:, :, ::-1])
        known = [_unit(embed(clean)) for embed in embedders]
        rows.append(
            (features(clean), np.ones(len(clean), np.float32), [0] * len(clean), [0.0] * len(clean))
        )
        for _ in range(each):
            spoilt, names, strengths = _spoilt(clean, kinds, random)
            left = np.mean(
                [
                    (_unit(embed(spoilt)) * unit).sum(axis=1)
                    for embed, unit in zip(embedders, known, strict=True)
                ],
                axis=0,
            )
            left[[name in spoil.NO_FACE for name in names]] = 0
            rows.append(
                (
                    features(spoilt),
                    np.clip(left, 0, 1).astype(np.float32),
                    [NAMES.index(name) for name in names],
                    strengths,
                )
            )
    if len(empty):
        pictures = np.stack(list(empty))
        count = len(pictures)
        rows.append((features(pictures), np.zeros(count, np.float32), [1] * count, [0.0] * count))
    return Samples(
        np.concatenate([row[0] for row in rows]),
        np.concatenate([row[1] for row in rows]),
        np.concatenate([np.array(row[2], np.int64) for row in rows]),
        np.concatenate([np.array(row[3], np.float32) for row in rows]),
    )


def save(path: Path, samples: Samples) -> None:
    """For the next run; ``load`` refuses it where kinds were added since."""
    np.savez(path, names=np.array(NAMES), **vars(samples))


def load(path: Path) -> Samples:
    with np.load(path) as held:
        if held["names"].tolist() != list(NAMES):
            raise ValueError(f"{path}: is of other kinds than training/data/spoil has; remove it")
        names = ("features", "left", "kinds", "strengths")
        return Samples(*(held[name] for name in names))


def _spoilt(
    clean: Picture, kinds: Sequence[str], random: np.random.Generator
) -> tuple[Picture, list[str], list[float]]:
    made, names, strengths = [], [], []
    for picture in clean:
        name, strength = str(random.choice(list(kinds))), float(random.random())
        found = spoil.KINDS[name](picture, strength, random)
        if random.random() < TWICE and name not in spoil.NO_FACE:
            other = str(random.choice([kind for kind in kinds if kind not in spoil.NO_FACE]))
            found = spoil.KINDS[other](found, float(random.random()) / 2, random)
        made.append(found)
        names.append(name)
        strengths.append(strength)
    return np.stack(made), names, strengths


def _batches(chosen: Sequence[Face]) -> Iterator[Sequence[Face]]:
    for start in range(0, len(chosen), BATCH):
        yield chosen[start : start + BATCH]


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
