"""What the quality's network learns from: spoilt faces, what is left of them, and the confusion."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
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
Features = Callable[[Picture], NDArray[np.int8]]

GROUP = 32
"""Faces that are spoilt alike, so that it is seen whether they are still told apart."""

TWICE = 0.15
"""Share of the groups that are spoilt in a second way too."""

OFTEN = {"coloured light": 4, "grey": 2, "hues": 1}
"""Kinds that spoil little, which the network must learn to let pass: so many times as often."""

LEAST_CENTRE = 0.5
"""Cosine to the centre of its person below which a labelled picture is no clean one."""

NAMES = ("clean", "background", *spoil.KINDS)


@dataclass(frozen=True)
class Samples:
    """``features`` int8 (N, F). ``left`` float32 (N): the mean over the embedders of the cosine of
    the spoilt picture's embedding with that of the picture as it was, 0 to 1, and 0 where nothing
    of a face is there. ``confused`` float32 (N): of the other faces that were spoilt alike, the
    share that matches it at the embedder's threshold, half its own and half its group's mean.
    ``kinds`` (N): index into ``NAMES``; ``strengths`` float32 (N).
    """

    features: NDArray[np.int8]
    left: NDArray[np.float32]
    confused: NDArray[np.float32]
    kinds: NDArray[np.int64]
    strengths: NDArray[np.float32]


@dataclass(frozen=True)
class Teacher:
    """An embedder, the cosine from which it takes two faces for one, and which groups it sees: a
    slow one every few."""

    embed: Callable[[Picture], NDArray[np.float32]]
    threshold: float
    every: int = 1


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
    teachers: Sequence[Teacher],
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
    drawn = [kind for kind in kinds for _ in range(OFTEN.get(kind, 1))]
    parts: list[Samples] = []
    for start in tqdm(range(0, len(chosen), GROUP), disable=not progress, desc="groups"):
        group = chosen[start : start + GROUP]
        asked = [teacher for teacher in teachers if start // GROUP % teacher.every == 0]
        clean = np.stack([decode(face.path, face.name) for face in group])
        if random.random() < 0.5:
            clean = np.ascontiguousarray(clean[:, :, ::-1])
        known = [unit(teacher.embed(clean)) for teacher in asked]
        parts.append(_samples(features(clean), np.ones(len(clean)), np.zeros(len(clean)), 0, 0.0))
        for _ in range(each):
            kind, strength = str(random.choice(drawn)), float(random.random())
            spoilt = _spoilt(clean, kind, strength, drawn, random)
            units = [unit(teacher.embed(spoilt)) for teacher in asked]
            left = np.mean([(a * b).sum(axis=1) for a, b in zip(units, known, strict=True)], axis=0)
            confused = np.mean(
                [_confused(u, t.threshold) for u, t in zip(units, asked, strict=True)], axis=0
            )
            if kind in spoil.NO_FACE:
                left, confused = np.zeros(len(clean)), np.ones(len(clean))
            index = NAMES.index(kind)
            parts.append(_samples(features(spoilt), left, confused, index, strength))
    if len(empty):
        pictures = np.stack(list(empty))
        count = len(pictures)
        parts.append(_samples(features(pictures), np.zeros(count), np.ones(count), 1, 0.0))
    return joined(parts)


def joined(parts: Sequence[Samples]) -> Samples:
    names = ("features", "left", "confused", "kinds", "strengths")
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def save(path: Path, samples: Samples) -> None:
    """For the next run; ``load`` refuses it where kinds were added since."""
    np.savez(path, names=np.array(NAMES), **vars(samples))


def load(path: Path) -> Samples:
    with np.load(path) as held:
        if held["names"].tolist() != list(NAMES):
            raise ValueError(f"{path}: is of other kinds than training/data/spoil has; remove it")
        names = ("features", "left", "confused", "kinds", "strengths")
        return Samples(*(held[name] for name in names))


def _samples(
    features: NDArray[np.int8],
    left: NDArray[np.floating],
    confused: NDArray[np.floating],
    kind: int,
    strength: float,
) -> Samples:
    count = len(features)
    return Samples(
        features,
        np.clip(left, 0, 1).astype(np.float32),
        confused.astype(np.float32),
        np.full(count, kind, np.int64),
        np.full(count, strength, np.float32),
    )


def _confused(units: NDArray[np.float32], threshold: float) -> NDArray[np.floating]:
    match = units @ units.T >= threshold
    np.fill_diagonal(match, False)
    own = match.sum(axis=1) / max(1, len(units) - 1)
    found: NDArray[np.floating] = (own + own.mean()) / 2
    return found


def _spoilt(
    clean: Picture, kind: str, strength: float, kinds: Sequence[str], random: np.random.Generator
) -> Picture:
    made = [spoil.KINDS[kind](picture, strength, random) for picture in clean]
    if random.random() < TWICE and kind not in spoil.NO_FACE:
        other = str(random.choice([name for name in kinds if name not in spoil.NO_FACE]))
        more = float(random.random()) / 2
        made = [spoil.KINDS[other](picture, more, random) for picture in made]
    return np.stack(made)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (N, D) of length 1."""
    found: NDArray[np.float32] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), 1e-9
    )
    return found
