"""False match rate by group of people: at a model's thresholds, among strangers of one group.

    python -m pocketvision.training.evaluate.faces.groups facechain-25m --root faces_more \\
        --list faces_more_list.csv --root faces_extra --list faces_extra_list.csv

A threshold set on LFW says little of children, or of a people that LFW hardly has. Pairs are taken
within a group, where strangers are most alike, of the pictures that training kept aside, each of
another person. Intervals are by bootstrap over people (:mod:`training.evaluate.bootstrap` says
why), and where nobody matched the upper end is that of the rule of three.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ...data.aside import aside
from ...data.pictures import stack
from . import embedders

LEAST = 30
"""People below which a group has too few pairs for any rate that a threshold is set by."""

DRAWS, LEVEL = 500, 0.95
BANDS = ((0, 12), (13, 19), (20, 39), (40, 59), (60, 200))
SEXES = ("men", "women")
PEOPLES = ("White", "Black", "Asian", "Indian", "others")
"""The numbers that UTKFace writes into its file names."""


@dataclass(frozen=True)
class Rate:
    """False match rate at one threshold, its interval, and the FAR that set the threshold."""

    far: float
    threshold: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Group:
    """Strangers of one group: how many, how alike (percentiles of the cosine), and the rates."""

    name: str
    people: int
    pairs: int
    percentiles: dict[str, float]
    rates: list[Rate]


def names(source: str, origin: str) -> list[str]:
    """The groups of a picture, by its source and what its file was called there.

    ``aaf`` writes the age behind an ``A``, ``utk`` age, sex and people at the start. Other sources
    have several pictures of a person, or faces that nobody has, and no group.
    """
    if source not in ("aaf", "utk"):
        return []
    found = [source, *_band(source, age(source, origin))]
    if source == "utk":
        _, sex, people, *_ = [*origin.split("_"), "", "", ""]
        for kinds, number in ((SEXES, sex), (PEOPLES, people)):
            if number.isdecimal() and int(number) < len(kinds):
                found.append(f"{source}, {kinds[int(number)]}")
    return found


def age(source: str, origin: str) -> int | None:
    """Years that the name of an ``aaf`` or ``utk`` file states; None where it states none."""
    stem = origin.partition(".")[0].rpartition("A")[2] if source == "aaf" else origin.split("_")[0]
    return int(stem) if source in ("aaf", "utk") and stem.isdecimal() else None


def _band(source: str, years: int | None) -> list[str]:
    if years is None:
        return []
    return [
        f"{source}, {low} to {high} years" if high < 200 else f"{source}, {low} years and more"
        for low, high in BANDS
        if low <= years <= high
    ]


def kept(listed: Path) -> list[dict[str, str]]:
    """The rows of a list, of the pictures that training kept aside.

    Raises:
        FileNotFoundError: there is no such list.
        ValueError: it lacks a column.
    """
    with open(listed, newline="") as file:
        reader = csv.DictReader(file)
        if missing := {"path", "source", "origin"} - set(reader.fieldnames or ()):
            raise ValueError(f"{listed}: column {', '.join(sorted(missing))} missing")
        return [row for row in reader if aside(row["path"])]


def measure(
    name: str,
    embeddings: NDArray[np.float32],
    thresholds: Sequence[tuple[float, float]],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Group:
    """The rates among all pairs of ``embeddings`` (N, D), each of another person.

    Args:
        thresholds: (false accept rate that it was set for, cosine).

    Raises:
        ValueError: fewer than ``LEAST`` people.
    """
    count = len(embeddings)
    if count < LEAST:
        raise ValueError(f"{name}: {count} people, expected at least {LEAST}")
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    upper = cosine[np.triu_indices(count, 1)]
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), draws)
    drawn = drawn.T.astype(np.float32)
    # A person drawn w times makes pairs with all others, and none with itself.
    ways = (count**2 - np.square(drawn).sum(axis=0, dtype=np.float64)) / 2
    rates = []
    for far, threshold in thresholds:
        matched = (cosine >= threshold).astype(np.float32)
        np.fill_diagonal(matched, 0)
        hits = (drawn * (matched @ drawn)).sum(axis=0, dtype=np.float64) / 2
        low, high = np.quantile(hits / ways, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        rate = float((upper >= threshold).mean())
        if rate == 0:
            high = 3 / (count // 2)  # pairs of people that no other pair shares
        rates.append(Rate(far, threshold, rate, float(low), float(high)))
    percentiles = {f"{q:g}": float(np.percentile(upper, q)) for q in (50, 99, 99.9)}
    return Group(name, count, len(upper), percentiles, rates)


def by_group(
    embed: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    sources: Sequence[tuple[Path, Path]],
    thresholds: Sequence[tuple[float, float]],
) -> tuple[list[Group], list[str]]:
    """All groups of the kept pictures of ``sources`` (root, list), and those with too few people.

    Raises:
        FileNotFoundError: a list or a picture is missing.
        ValueError: a list lacks a column.
    """
    rows: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for root, listed in sources:
        found = kept(listed)
        for start in range(0, len(found), 64):
            part = found[start : start + 64]
            crops = stack((root / row["path"], row["path"]) for row in part)
            for row, embedding in zip(part, embed(crops), strict=True):
                for name in names(row["source"], row["origin"]):
                    rows[name].append(embedding)
    enough = {name: found for name, found in sorted(rows.items()) if len(found) >= LEAST}
    groups = [measure(name, np.stack(found), thresholds) for name, found in enough.items()]
    return groups, sorted(set(rows) - set(enough))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a shipped model, a compiled or an ONNX file with a record")
    parser.add_argument("--root", type=Path, action="append", required=True)
    parser.add_argument("--list", type=Path, action="append", required=True)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if len(given.root) != len(given.list):
        parser.error(f"{len(given.root)} --root, but {len(given.list)} --list; give one for each")
    try:
        embed = embedders.load(given.model)
        if embed.record is None or not embed.record.thresholds:
            parser.error(f"{given.model}: has no thresholds in a record; ship it first")
        thresholds = [(float(t["far"]), float(t["threshold"])) for t in embed.record.thresholds]
        groups, small = by_group(embed, list(zip(given.root, given.list, strict=True)), thresholds)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if given.json:
        print(json.dumps([asdict(group) for group in groups], indent=1))
        return
    table = Table("group", "people", "pairs", "median", "99.9 %", title=embed.record.full_name)
    for far, threshold in thresholds:
        table.add_column(f"FMR at {threshold:.3f} (FAR {far:g})", justify="right")
    for group in groups:
        rates = (f"{r.rate:.2%} ({r.low:.2%} to {r.high:.2%})" for r in group.rates)
        alike = (f"{group.percentiles[q]:.3f}" for q in ("50", "99.9"))
        table.add_row(group.name, f"{group.people:,}", f"{group.pairs:,}", *alike, *rates)
    Console().print(table)
    if small:
        print(f"fewer than {LEAST} people, not measured: {', '.join(small)}")


if __name__ == "__main__":
    main()
