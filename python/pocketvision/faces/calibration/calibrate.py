"""Calibration of one model on people of one's own: thresholds that their pictures carry."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ...record import Identification, Threshold
from . import alarms, curve, rates
from .pairs import Pairs, Rows, rounded, strangers, unit_rows

FARS = (1e-1, 5e-2, 1e-2, 1e-3, 1e-4)
FPIRS = (1e-1, 1e-2, 1e-3)
SIZES = (10, 30, 100, 300, 1000, 3000, 4000)
"""Enrolled people; :mod:`pocketvision.faces.open_set` reads what lies between."""

TEMPLATES = (1, 2, 3, 5, 10, 20)
"""Templates a person, of which those are calibrated that most have; and what they have on average.
"""

WORLDS = 4
"""Choices of pictures of each person over which identification is averaged, where some have more.
"""

FEW = 30
"""People below which bootstrap intervals are known to be too narrow."""

MANY = 100

ALIKE = 0.999
"""Cosine from which two pictures are taken for one: recompressed copies have it, people not."""

MOST = 10
"""Pairs that are listed by name."""


@dataclass(frozen=True)
class Refused:
    """A rate that the people do not carry, and why."""

    rate: float
    why: str


@dataclass(frozen=True)
class Pair:
    """Two pictures, by row, and their score."""

    first: int
    second: int
    score: float


@dataclass(frozen=True)
class Misses:
    """Of genuine pairs, the share that falls below a threshold, every person counting once, with
    95 % bounds by bootstrap over people."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Findings:
    """All that :func:`calibrate` finds.

    ``misses``: for each of ``thresholds``, None without genuine pairs. ``refused``: false accept
    rates, ``refused_fpirs``: identification rates, that the people do not carry. ``alike``: the
    most alike pictures of different people; ``unlike``: the least alike of one. ``split``: people
    (rows of a picture of each) so alike that they may be one. ``warnings``: sentences.
    """

    people: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    thresholds: list[Threshold]
    misses: list[Misses | None]
    refused: list[Refused]
    identification: list[Identification]
    refused_fpirs: list[Refused]
    det: curve.Curve
    alike: list[Pair]
    unlike: list[Pair]
    split: list[Pair]
    warnings: list[str]


def calibrate(
    embeddings: ArrayLike,
    names: Sequence[str],
    *,
    dataset: str = "own people",
    fars: Sequence[float] | None = None,
    fpirs: Sequence[float] | None = None,
    seed: int = 0,
) -> Findings:
    """Thresholds of pictures ``embeddings`` (N, D) of the people ``names`` (N,).

    Args:
        dataset: how records call the pictures.
        fars: false accept rates that must be carried; None takes those of ``FARS`` that are.
        fpirs: the same for identification, of ``FPIRS``.
        seed: of all draws.

    Raises:
        InputError: one person, a picture under two names, or a rate that the people do not carry.
    """
    rows = unit_rows(embeddings)
    if len(rows) != len(names):
        raise InputError(f"names: expected one for each of {len(rows)} pictures, got {len(names)}")
    labels, people, pictures = np.unique(
        np.asarray(names, object).astype(str), return_inverse=True, return_counts=True
    )
    count = len(labels)
    if count < 2:
        raise InputError(
            f"people: expected pictures of at least two, got {len(rows)} of {labels[0]}. False "
            "accepts are measured between different people: a folder for each, FOLDER/NAME/1.jpg"
        )
    # Who has many people has no use for the highest, and a tenth of all pairs is much.
    usual = FARS if count < MANY else FARS[1:]
    wanted = list(usual if fars is None else fars)
    found = strangers(rows, people, rates.share_for(wanted), seed)
    _no_copies(found, names)
    thresholds, refused = _thresholds(found, people, wanted, dataset, seed, strict=fars is not None)
    identification, unable = _identification(rows, people, fpirs, dataset, seed)
    own = _genuine(rows, people)
    warnings = []
    if count < FEW:
        warnings.append(
            f"{count} people are few: intervals from fewer than {FEW} are too narrow, and these "
            "people may be less alike than those that the thresholds will meet"
        )
    if not own.score.size:
        warnings.append(
            "everybody has one picture: there are no genuine pairs, so nothing is known of how "
            "often a person is refused"
        )
    split = _split(found, own, people)
    if split:
        pairs = "; ".join(f"{names[p.first]} and {names[p.second]} ({p.score:.2f})" for p in split)
        warnings.append(
            f"may be one person in two folders, which makes thresholds too strict: {pairs}. If "
            "they are, move the pictures into one folder and calibrate again"
        )
    return Findings(
        people=count,
        pictures=len(rows),
        genuine_pairs=len(own.score),
        impostor_pairs=count * (count - 1) // 2,
        thresholds=thresholds,
        misses=[_misses(own, people, t["threshold"], seed) for t in thresholds],
        refused=refused,
        identification=identification,
        refused_fpirs=unable,
        det=curve.det(rows, people, pictures),
        alike=_listed(found),
        unlike=_listed(own),
        split=split,
        warnings=warnings,
    )


def _thresholds(
    found: Pairs,
    people: NDArray[np.integer],
    fars: Sequence[float],
    dataset: str,
    seed: int,
    *,
    strict: bool,
) -> tuple[list[Threshold], list[Refused]]:
    kept: list[Threshold] = []
    refused = []
    for far in sorted(fars, reverse=True):
        if not 0 < far < 1:
            raise InputError(f"far: expected a rate between 0 and 1, got {far}")
        rate = rates.rate(found, people, far, seed=seed)
        if not rate.carried:
            refused.append(Refused(far, _why(rate)))
            continue
        kept.append(
            {
                "far": far,
                "threshold": rounded(rate.threshold, up=True),
                "interval": [rounded(rate.low, up=False), min(rounded(rate.high, up=True), 1.0)],
                "dataset": dataset,
                "protocol": f"all {rate.pairs} pairs of {rate.people} people, one view",
            }
        )
    if refused and (strict or not kept):
        raise InputError("far: " + refused[-1 if strict else 0].why)
    return kept, refused


def _why(rate: rates.Rate) -> str:
    return (
        f"{rate.people} people do not carry {rate.far:g}: their {rate.pairs} pairs, which share "
        f"people, count as {rate.independent:.0f} independent ones, and the rule of three asks for "
        f"{math.ceil(rates.LEAST / rate.far - 1e-9)}. About {rate.people_wanted} people would do"
    )


def _identification(
    rows: Rows,
    people: NDArray[np.integer],
    fpirs: Sequence[float] | None,
    dataset: str,
    seed: int,
) -> tuple[list[Identification], list[Refused]]:
    count = len(np.unique(people))
    wanted = sorted(FPIRS if fpirs is None else fpirs, reverse=True)
    able, refused = [], []
    for fpir in wanted:
        if not 0 < fpir < 1:
            raise InputError(f"fpir: expected a rate between 0 and 1, got {fpir}")
        if alarms.carried(count, fpir):
            able.append(fpir)
        else:
            least = math.ceil(alarms.LEAST / fpir - 1e-9)
            refused.append(
                Refused(
                    fpir,
                    f"{count} people do not carry {fpir:g}: each is a probe, and the rule of three "
                    f"asks for {least} people",
                )
            )
    if fpirs is not None and refused:
        raise InputError("fpir: " + refused[-1].why)
    if not able:
        return [], refused
    pictures = np.bincount(np.unique(people, return_inverse=True)[1])
    found = []
    for templates in several(pictures):
        found += _among(rows, people, able, dataset, seed, templates)
    return found, refused


def several(pictures: NDArray[np.integer]) -> list[int]:
    """For how many templates a person people are calibrated who have so many pictures (N,)."""
    usual = math.ceil(pictures.mean() - 1e-9)
    wanted = sorted({*(each for each in TEMPLATES if each <= usual), usual})
    return [each for each in wanted if np.minimum(pictures, each).mean() >= each / 2]


def _among(
    rows: Rows,
    people: NDArray[np.integer],
    fpirs: Sequence[float],
    dataset: str,
    seed: int,
    templates: int,
) -> list[Identification]:
    """Entries of people with so many templates each, as far as they carry.

    Who has fewer pictures counts for the part that they are: people of m templates raise at least
    the alarms of m / k as many of k (:func:`pocketvision.faces.open_set.open_set` says why).
    """
    pictures = np.bincount(np.unique(people, return_inverse=True)[1])
    count, filled = len(pictures), float(np.minimum(pictures, templates).mean()) / templates
    cases: list[tuple[int, float]] = []
    for fpir in fpirs:
        most = min(math.floor(alarms.most(count, fpir) * filled + 1e-9), SIZES[-1])
        cases += [(size, fpir) for size in (*(n for n in SIZES if n < 0.9 * most), most) if size]
    drawn = [(math.ceil(size / filled - 1e-9), fpir) for size, fpir in cases]
    share = max((alarms.needed([size], [fpir]) for size, fpir in drawn), default=1.0)
    met = alarms.meet(rows, people, share, WORLDS, seed, templates)
    protocol = f"all galleries among {count} people, one view"
    if templates > 1:
        protocol += f", up to {templates} templates each"
    found = entries(alarms.alarms_of(met, drawn, seed=seed), dataset, protocol)
    for (size, _), entry in zip(cases, found, strict=True):
        entry["size"] = size
        if templates > 1:
            entry["templates"] = templates
        if filled < 1:
            entry["interval"][0] = 0.0
    return found


def entries(found: Sequence[alarms.Alarm], dataset: str, protocol: str) -> list[Identification]:
    """Alarms as a record holds them; bounds of three digits, rounded apart."""
    return [
        {
            "size": alarm.size,
            "fpir": alarm.fpir,
            "threshold": min(rounded(alarm.threshold, up=True), 1.0),
            "interval": [_digits(alarm.low, -1), min(_digits(alarm.high, 1), 1.0)],
            "dataset": dataset,
            "protocol": protocol,
        }
        for alarm in found
    ]


def _digits(value: float, direction: int) -> float:
    """Three digits, the last of them one further in ``direction`` where it is not exact."""
    if value == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    steps = value / unit
    whole = math.floor(steps + 1e-9) if direction < 0 else math.ceil(steps - 1e-9)
    return float(f"{whole * unit:.6g}")


def _no_copies(found: Pairs, names: Sequence[str]) -> None:
    """InputError for one picture under two names: it would set every threshold."""
    copies = _listed(found, int(np.searchsorted(-found.score, -ALIKE, side="right")))
    if copies:
        listed = "; ".join(f"{names[p.first]} and {names[p.second]}" for p in copies[:MOST])
        raise InputError(
            f"people: {len(copies)} pictures stand under two names (cosine above {ALIKE}): "
            f"{listed}{'; ...' if len(copies) > MOST else ''}. Keep each under one name"
        )


def _genuine(rows: Rows, people: NDArray[np.integer]) -> Pairs:
    """Pairs of one person's pictures, the least alike first."""
    first, second, score = [], [], []
    members = defaultdict(list)
    for row, person in enumerate(people):
        members[person].append(row)
    for own in members.values():
        i, j = np.triu_indices(len(own), 1)
        at = np.array(own)
        first.append(at[i])
        second.append(at[j])
        score.append(np.einsum("nd,nd->n", rows[at[i]], rows[at[j]]).astype(np.float64))
    scores = np.concatenate(score)
    order = np.argsort(scores, kind="stable")
    left, right = np.concatenate(first), np.concatenate(second)
    return Pairs(left[order], right[order], scores[order], whole=True)


def _misses(own: Pairs, people: NDArray[np.integer], threshold: float, seed: int) -> Misses | None:
    if not own.score.size:
        return None
    who = people[own.first]
    total = np.bincount(who)
    missed = np.bincount(who, own.score < threshold)[total > 0] / total[total > 0]
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(missed), (rates.DRAWS, len(missed)))
    low, high = np.quantile(missed[drawn].mean(axis=1), [0.025, 0.975])
    return Misses(float(missed.mean()), float(low), float(high))


def _split(found: Pairs, own: Pairs, people: NDArray[np.integer]) -> list[Pair]:
    """Two people whose nearest pictures are as alike as most pairs of one person."""
    if own.score.size < FEW:
        return []
    usual = float(np.quantile(own.score, 0.5))
    seen: dict[tuple[int, int], Pair] = {}
    for pair in _listed(found, 1000):
        couple = people[pair.first], people[pair.second]
        if pair.score >= usual:
            seen.setdefault((min(couple), max(couple)), pair)
    return list(seen.values())[:MOST]


def _listed(pairs: Pairs, most: int = MOST) -> list[Pair]:
    parts = (pairs.first[:most].tolist(), pairs.second[:most].tolist(), pairs.score[:most].tolist())
    return [Pair(*values) for values in zip(*parts, strict=True)]
