"""People whom no shipped network was trained on: LFW, and adults of what training kept aside.

One population of LFW's people, and of UTKFace and AAF who are 18 or more: children are so alike to
these networks (``training/weights/README.md``) that they would set every threshold. In LFW a person
has one name or, by its own errors, two; UTKFace and AAF say nothing of who somebody is, so a person
may be there twice. Both are left as they are, which can only raise thresholds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ....data.pictures import stack
from .. import groups

ADULT = 18
BATCH = 32
WORLDS = 2
"""Choices of one picture a person, where LFW has several."""

DATASET = "LFW and adults of UTKFace and AAF kept from training"


@dataclass(frozen=True)
class People:
    """Pictures in order: where each lies, whom it shows, where it comes from (N,)."""

    paths: list[Path]
    names: NDArray[np.str_]
    sources: NDArray[np.str_]

    def of(self, source: str) -> NDArray[np.integer]:
        """The rows of one source."""
        return np.flatnonzero(self.sources == source)


def read(lfw: Path, sources: Sequence[tuple[Path, Path]] = ()) -> People:
    """All of ``lfw`` (Name/Name_0001.jpg) and the kept adults of ``sources`` (root, list).

    Raises:
        FileNotFoundError: a folder holds nothing, or a list is missing.
        ValueError: a list lacks a column.
    """
    rows = [(path, path.parent.name, "lfw") for path in sorted(lfw.glob("*/*.jpg"))]
    if not rows:
        raise FileNotFoundError(f"{lfw}: holds no Name/Name_0001.jpg")
    for root, listed in sources:
        for row in groups.kept(listed):
            years = groups.age(row["source"], row["origin"])
            if years is not None and years >= ADULT:
                rows.append((root / row["path"], f"{row['source']}/{row['path']}", row["source"]))
    paths, names, origins = zip(*rows, strict=True)
    return People(list(paths), np.array(names), np.array(origins))


def embed(
    model: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    people: People,
    *,
    progress: bool = False,
) -> NDArray[np.float32]:
    """Raw embeddings (N, D) of all pictures, one view each."""
    rows = []
    for start in tqdm(range(0, len(people.paths), BATCH), desc="embedding", disable=not progress):
        part = people.paths[start : start + BATCH]
        rows.append(model(stack((path, str(path)) for path in part)))
    return np.concatenate(rows)


def add_sources(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--root and --list of the pictures besides LFW."""
    parser.add_argument("--root", type=Path, action="append", required=required, default=[])
    parser.add_argument("--list", type=Path, action="append", required=required, default=[])


def sources(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[tuple[Path, Path]]:
    """The pairs of them; an error of ``parser`` where one has no other."""
    if len(given.root) != len(given.list):
        parser.error(f"{len(given.root)} --root, but {len(given.list)} --list; give one for each")
    return list(zip(given.root, given.list, strict=True))
