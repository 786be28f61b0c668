"""Finds where a model's embeddings gather of faces that it cannot recognise, for its record.

    python -m pocketvision.training.quality.unrecognisable facechain-25m \\
        --weights training/weights --data $POCKETVISION_DATA

Faces that no network can recognise are like each other (the unrecognisable identity: S. Deng et
al., Harnessing Unrecognizable Faces for Improving Face Recognition, WACV 2023, which measures the
distance from one such centre). Here each way to spoil a picture has a centre of its own, and the
first right singular vectors of all centres are the directions: jpeg blocks, tones turned over and
swirls, which pass for good pictures, lie along them as the others do. The share of an embedding's
square along them, beyond that of clean faces, makes its margin (csrc/runtime/face/quality).
Two minutes on one core. The compiled model is then built anew.
"""

from __future__ import annotations

import argparse
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pocketvision import Embedder

from .. import models, restate
from ..data import spoil
from ..data.aside import aside
from ..data.pictures import decode
from . import rivals, samples
from .samples import Picture, unit

SET = ("train_112", "train_list.csv")
STRENGTHS = (0.3, 0.6, 1.0)

PEOPLE = 200
"""Whose pictures are spoilt: a centre's noise is then a fourteenth of an embedding."""

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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="a shipped network, installed")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument("--data", type=Path, required=True, help=f"{SET[0]}/ and {SET[1]}")
    given = parser.parse_args()
    try:
        name = models.entry(given.name).name.replace("_", "-")
        faces = samples.faces(given.data / SET[0], given.data / SET[1])
        spoilt, clean = (
            np.stack([decode(face.path, face.name) for face in chosen])
            for chosen in (one_each(faces, kept=False)[:PEOPLE], one_each(faces, kept=True))
        )
        embed = Embedder(name).embed
        along = directions(centres(embed, spoilt, progress=sys.stderr.isatty()))
        data = (
            f"{len(spoilt)} people of {SET[0]}, spoilt in {len(spoil.SHOWN)} ways; level: "
            f"{CLEAN_BELOW:.0%} of {len(clean)} others"
        )
        field = {"unrecognisable": entry(along, unit(np.asarray(embed(clean))), data)}
        restate.rewrite(name, given.weights, lambda _: field, lambda _: field)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    print(f"{name}: level {field['unrecognisable']['level']}; {data}. Now build it again")


if __name__ == "__main__":
    main()
