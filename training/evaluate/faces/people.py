"""A folder of one's own people: every genuine pair, impostor pairs, no list of pairs needed.

pocketvision evaluate folder --model build/own --images people/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ...data import base
from ...data.folder import Folder
from .. import bootstrap
from . import embedders, protocol

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
MOST = 300_000
"""Pairs of a kind that are scored; of more, so many are drawn. They share people anyway."""

FEW_PEOPLE = 30
"""Below, the people drawn anew by the bootstrap are too few for its bounds to be believed."""

BATCH = 32


@dataclass(frozen=True)
class Result:
    """Operating points (:class:`bootstrap.Operating`) by falling FAR, and what they rest on.

    ``left_out``: files with the reason. ``warnings``: what makes the figures weak, a sentence each.
    """

    points: list[bootstrap.Operating]
    pictures: int
    people: int
    genuine: int
    impostors: int
    flip: bool
    left_out: list[str]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """JSON data, as of ``lfw.Result`` where both have a figure."""
        rest = {key: value for key, value in asdict(self).items() if key != "points"}
        return {
            "tar": {f"{p.far:g}": p.tar.value for p in self.points},
            "intervals": {f"{p.far:g}": [p.tar.low, p.tar.high] for p in self.points},
            "thresholds": {f"{p.far:g}": asdict(p.threshold) for p in self.points},
            "pairs": self.genuine + self.impostors,
            **rest,
        }


def evaluate(
    model: str | embedders.Embed,
    images: Path,
    *,
    landmarks: Mapping[str, NDArray[np.float64]] | None = None,
    flip: bool = False,
    progress: bool = False,
) -> Result:
    """TAR and threshold at each of ``FARS`` that the folder's pairs carry (rule of three).

    Args:
        model: see :func:`embedders.load`; or a function from crops to raw embeddings.
        images: folder with ``NAME/picture``, aligned crops, or any with ``landmarks``.
        flip: add the embedding of the mirror image; a verdict of ``verify`` does not.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: it holds no pair of one kind, or pictures of several sizes.
    """
    embed = embedders.load(model) if isinstance(model, str) else model
    faces = Folder(images, landmarks=landmarks)
    views, labels, bad = _embedded(embed, faces, flip, progress)
    people = len(np.unique(labels))
    first, second, same = _pairs(labels)
    where = f"{images}: {len(labels)} pictures of {people} people"
    if not same.any():
        raise ValueError(f"{where}: no two of one person; give some a second picture")
    if same.all():
        raise ValueError(f"{where}: no stranger to compare with; add another person's folder")
    cosine = (views[first] * views[second]).sum(axis=1)
    impostors = int((~same).sum())
    points = [
        bootstrap.operating_point(cosine, same, list(labels[first]), list(labels[second]), far)
        for far in FARS
        if far * impostors >= 3 - 1e-9
    ]
    return Result(
        points, len(labels), people, int(same.sum()), impostors, flip,
        [*faces.skipped, *bad], list(_warnings(people, int(same.sum()), impostors)),
    )  # fmt: skip


def _embedded(
    embed: embedders.Embed, faces: Folder, flip: bool, progress: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[str]]:
    """Unit embeddings (N, D), people (N), and the pictures that cannot be read."""
    rows: list[np.ndarray] = []
    kept: list[int] = []
    bad: list[str] = []
    for start in tqdm(range(0, len(faces), BATCH), desc="embedding", disable=not progress):
        crops: list[np.ndarray] = []
        for index in range(start, min(start + BATCH, len(faces))):
            try:
                crops.append(faces.image(index))
                kept.append(index)
            except base.CorruptImageError as error:
                bad.append(str(error))
        if not crops:
            continue
        sizes = {crop.shape[:2] for crop in crops}
        if len(sizes) > 1:
            raise ValueError(
                f"{faces.root}: pictures of {len(sizes)} sizes ("
                + ", ".join(f"{wide}x{high}" for high, wide in sorted(sizes)[:3])
                + "); expected aligned crops of one, or landmarks with them"
            )
        batch = np.stack(crops)
        plain = embed(batch).astype(np.float64)
        rows.append(plain + embed(np.ascontiguousarray(batch[:, :, ::-1])) if flip else plain)
    if not rows:
        reason = f", the first: {bad[0]}" if bad else ""
        raise ValueError(f"{faces.root}: no picture that can be read, NAME/1.jpg{reason}")
    unit = protocol.unit(np.concatenate(rows)).astype(np.float64)
    return unit, faces.labels[kept], bad


def _pairs(
    labels: NDArray[np.int64], seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of each pair's two sides and whether it is genuine; ``MOST`` of a kind, drawn."""
    random = np.random.default_rng(seed)
    own = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        own.append(rows[np.stack(np.triu_indices(len(rows), 1))])
    genuine = np.concatenate(own, axis=1)
    if genuine.shape[1] > MOST:
        genuine = genuine[:, np.sort(random.choice(genuine.shape[1], MOST, replace=False))]
    strangers = _strangers(labels, random)
    first, second = np.concatenate([genuine, strangers], axis=1)
    return first, second, np.arange(len(first)) < genuine.shape[1]


def _strangers(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """Pairs (2, P) of two people: all of them, or ``MOST`` different ones where there are more."""
    count = len(labels)
    if count * (count - 1) // 2 <= 4 * MOST:
        pairs = np.stack(np.triu_indices(count, 1))
        pairs = pairs[:, labels[pairs[0]] != labels[pairs[1]]]
        if pairs.shape[1] <= MOST:
            return pairs
        return pairs[:, np.sort(random.choice(pairs.shape[1], MOST, replace=False))]
    # Listing all of them would take gigabytes; of so many few are drawn twice.
    drawn = np.sort(random.integers(0, count, (2, 2 * MOST)), axis=0)
    drawn = np.unique(drawn[:, labels[drawn[0]] != labels[drawn[1]]], axis=1)
    return random.permutation(drawn, axis=1)[:, :MOST]


def _warnings(people: int, genuine: int, impostors: int) -> list[str]:
    found = []
    missing = [far for far in FARS if far * impostors < 3 - 1e-9]
    if missing:
        far = missing[0]
        found.append(
            f"{impostors:,} pairs of strangers are too few to say anything at FAR {100 * far:g} % "
            f"or below, which needs {int(np.ceil(3 / far)):,}"
        )
    if people < FEW_PEOPLE:
        found.append(
            f"{people} people are few: the bounds are those of these people, and others may lie "
            f"outside ({FEW_PEOPLE} or more are better)"
        )
    if genuine < 100:
        found.append(f"{genuine} pairs of one person each are few: a TAR moves by {1 / genuine:.1%}"
                     " with every one")  # fmt: skip
    return found
