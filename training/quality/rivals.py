"""Faces of different people that are spoilt alike, and how near they come to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..data import spoil
from ..data.pictures import decode
from .samples import NAMES, Face, Features, Picture, Teacher, unit

GROUP = 64
"""Faces that are spoilt alike."""

LEAST_SCORE = 10
"""Score below which a picture is refused anyhow, and is not learnt from."""

CLEAN_EVERY = 4
"""One group in so many is kept as it was, too."""


@dataclass(frozen=True)
class Rivals:
    """``features`` int8 (N, F). ``group`` int64 (N), rising: who was spoilt with whom. ``near``
    float16 (N, ``GROUP``): cosine with each of the own group less the threshold, the mean over the
    embedders; NaN with the same person and beyond the group's end. ``kinds`` int64 (N): index into
    ``NAMES``."""

    features: NDArray[np.int8]
    group: NDArray[np.int64]
    near: NDArray[np.float16]
    kinds: NDArray[np.int64]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float16]]:
        """Rows, other rows, and ``near`` of them: every pair of strangers of a group twice."""
        starts = np.searchsorted(self.group, self.group)
        rows, places = np.nonzero(~np.isnan(self.near))
        return rows, starts[rows] + places, self.near[rows, places]

    def of(self, rows: NDArray[np.bool_]) -> Rivals:
        """Whole groups of them."""
        return Rivals(self.features[rows], self.group[rows], self.near[rows], self.kinds[rows])

    def shares(self) -> NDArray[np.float64]:
        """How often each of ``pairs`` is drawn: half by rows, half by groups, each as often."""
        known = (~np.isnan(self.near)).sum(axis=1)
        groups = np.bincount(self.group, known)[self.group]
        rows = 1 / np.maximum(known, 1) / max(1, (known > 0).sum())
        by_group = 1 / np.maximum(groups, 1) / len(np.unique(self.group))
        return np.repeat(rows + by_group, known)


def people(faces: Sequence[Face], named: frozenset[str]) -> NDArray[np.str_]:
    """Whom each face shows: the folder, or the file itself in folders that are no person's."""
    return np.array(
        [f.name if f.name.split("/")[0] in named else f.name.split("/")[0] for f in faces]
    )


def near(
    embedded: Sequence[tuple[NDArray[np.float32], float]], who: NDArray[np.str_]
) -> NDArray[np.float16]:
    """Of one group: embeddings (n, D) of each embedder with its threshold, and who is who."""
    found = np.full((len(who), GROUP), np.nan, np.float16)
    cosines = [unit(rows) @ unit(rows).T - threshold for rows, threshold in embedded]
    values = np.mean(cosines, axis=0)
    found[:, : len(who)] = np.where(who[:, None] == who[None, :], np.nan, values)
    return found


def make(
    chosen: Sequence[Face],
    who: NDArray[np.str_],
    teachers: Sequence[Teacher],
    features: Features,
    score: Callable[[Picture], NDArray[np.integer]],
    *,
    kinds: Sequence[str] = tuple(spoil.KINDS),
    seed: int = 0,
    progress: bool = False,
) -> Rivals:
    """Groups of ``chosen`` in their order; kinds by turns, strengths at random, one in six full."""
    random = np.random.default_rng(seed)
    used = [kind for kind in kinds if kind not in spoil.NO_FACE]
    parts: list[tuple[NDArray[np.int8], NDArray[np.float16], int]] = []
    for number, start in enumerate(
        tqdm(range(0, len(chosen) - GROUP + 1, GROUP), disable=not progress, desc="rivals")
    ):
        clean = np.stack([decode(face.path, face.name) for face in chosen[start : start + GROUP]])
        kind = used[number % len(used)]
        strength = 1.0 if random.random() < 1 / 6 else float(random.random())
        spoilt = np.stack([spoil.KINDS[kind](picture, strength, random) for picture in clean])
        both = [(spoilt, NAMES.index(kind))] + [(clean, 0)] * (number % CLEAN_EVERY == 0)
        for pictures, index in both:
            passed = np.flatnonzero(score(pictures) >= (LEAST_SCORE if index else 0))
            if len(passed) < 2:
                continue
            seen = np.ascontiguousarray(pictures[passed])
            embedded = [(teacher.embed(seen), teacher.threshold) for teacher in teachers]
            parts.append((features(seen), near(embedded, who[start + passed]), index))
    sizes = [len(part[0]) for part in parts]
    return Rivals(
        np.concatenate([part[0] for part in parts]),
        np.repeat(np.arange(len(parts)), sizes),
        np.concatenate([part[1] for part in parts]),
        np.repeat([part[2] for part in parts], sizes),
    )


def matches(rivals: Rivals, margins: NDArray[np.float64]) -> list[float]:
    """Shares of the pairs, each row's as often, that reach the threshold, and the larger margin."""
    one, other, near = rivals.pairs()
    weights = 1 / np.bincount(one)[one]
    beyond = near >= np.maximum(margins[one], margins[other])
    return [float(np.average(hit, weights=weights)) for hit in (near >= 0, (near >= 0) & beyond)]


def save(path: Path, rivals: Rivals) -> None:
    """For the next run; ``load`` refuses it where kinds were added since."""
    np.savez(path, names=np.array(NAMES), **vars(rivals))


def load(path: Path) -> Rivals:
    with np.load(path) as held:
        if held["names"].tolist() != list(NAMES):
            raise ValueError(f"{path}: is of other kinds than training/data/spoil has; remove it")
        return Rivals(*(held[name] for name in ("features", "group", "near", "kinds")))
