"""Where a model's embeddings gather of faces that it cannot recognise.

Faces that no network can recognise are like each other (the unrecognisable identity: S. Deng et
al., Harnessing Unrecognizable Faces for Improving Face Recognition, WACV 2023, which measures the
distance from one such centre). Here each way to spoil a picture has a centre of its own, and the
first right singular vectors of all centres are the directions: jpeg blocks, tones turned over and
swirls, which pass for good pictures, lie along them as the others do. The share of an embedding's
square along them, beyond that of clean faces, makes its margin (csrc/runtime/face/quality).
``python -m pocketvision.training.restate_unrecognisable`` writes them into a record.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..data import spoil
from ..data.aside import aside
from . import rivals, samples
from .samples import Picture, unit

STRENGTHS = (0.3, 0.6, 1.0)

COUNT = 8
"""Directions. Of 4 to 16 the most that cost no more of the genuine matches (weights/README.md)."""

CLEAN_BELOW = 0.85
"""Share of clean faces, kept from training, whose margin the directions leave alone."""


def directions(centres: NDArray[np.floating], count: int = COUNT) -> NDArray[np.int8]:
    """The first right singular vectors of centres (C, D), int8 (count, D), each largest 127.

    Raises:
        ValueError: fewer centres than directions.
    """
    if len(centres) < count:
        raise ValueError(f"centres: expected at least {count}, got {len(centres)}")
    vectors = np.linalg.svd(centres, full_matrices=False)[2][:count]
    found: NDArray[np.int8] = np.rint(
        127 * vectors / np.abs(vectors).max(axis=1, keepdims=True)
    ).astype(np.int8)
    return found


def shares(rows: NDArray[np.floating], along: NDArray[np.int8]) -> NDArray[np.floating]:
    """Of unit rows (N, D) the part of the square along int8 directions (K, D): (N,)."""
    straight = along / np.linalg.norm(along.astype(np.float64), axis=1, keepdims=True)
    found: NDArray[np.floating] = ((rows @ straight.T) ** 2).sum(axis=1)
    return found


def centres(
    embed: Callable[[Picture], NDArray[np.float32]], pictures: Picture, *, progress: bool = False
) -> NDArray[np.float32]:
    """Mean unit embeddings (C, D) of pictures (N, S, S, 3), of each way and strength."""
    ways = [
        (kind, strength)
        for kind in spoil.SHOWN
        for strength in ((1.0,) if kind in spoil.NO_FACE else STRENGTHS)
    ]
    found = []
    for seed, (kind, strength) in enumerate(tqdm(ways, disable=not progress)):
        random = np.random.default_rng(seed)
        spoilt = np.stack([spoil.KINDS[kind](picture, strength, random) for picture in pictures])
        found.append(unit(np.asarray(embed(spoilt))).mean(axis=0))
    return np.stack(found)


def entry(along: NDArray[np.int8], clean: NDArray[np.floating], data: str) -> dict[str, Any]:
    """The record's field, of directions and unit embeddings (N, D) of clean faces."""
    return {
        "count": len(along),
        "directions": b64encode(along.tobytes()).decode(),
        "level": round(float(np.quantile(shares(clean, along), CLEAN_BELOW)), 4),
        "data": data,
    }


def one_each(faces: Sequence[samples.Face], *, kept: bool) -> list[samples.Face]:
    """One face a person, of those that are kept from training or of the others."""
    own = [face for face in faces if aside(face.name) == kept]
    who = rivals.people(own, frozenset())
    first = np.unique(who, return_index=True)[1]
    return [own[i] for i in np.random.default_rng(3).permutation(first)]
