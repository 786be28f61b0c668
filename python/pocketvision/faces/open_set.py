"""Open-set thresholds: the score that keeps false alarms at a rate, at the gallery's size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from ..errors import InputError, shown
from ..record import Identification, Record
from ..runtime.arrays import integer

_REMEDY = (
    "calibrate on more people of your own, with as many pictures each as are enrolled "
    "(pocketvision calibrate FOLDER --model FILE), or accept from a score, at no known rate "
    "(threshold=, --threshold)"
)

ByRate = dict[float, list[Identification]]


@dataclass(frozen=True)
class OpenSet:
    """A threshold of identification among ``size`` enrolled templates of ``people``.

    ``threshold``: cosine. ``fpir``: share of strangers' probes with any template at or above it
    (ISO/IEC 19795-1); ``interval``: bounds of the share that new people show, 95 %. ``dataset``:
    what it was calibrated on. ``extrapolated``: the gallery is larger than what was calibrated.
    """

    threshold: float
    fpir: float
    interval: tuple[float, float]
    size: int
    people: int
    dataset: str
    extrapolated: bool = False


def open_set(record: Record, fpir: float, size: int, people: int | None = None) -> OpenSet:
    """The threshold at ``fpir`` for ``size`` enrolled templates of ``people``, about equally many
    each; None: one each.

    What is calibrated for n people of k templates each holds for max(people, size / k) up to n:
    pictures of one person fail together, so that a further one adds the less the more there are.
    If s is the chance that a stranger passes all of somebody's m templates, its logarithm is convex
    in m (they are exchangeable) and 0 at 0; so people who have unequally many raise fewer alarms
    than if all had the mean, and one with more than k fewer than several with k. Of all k, the one
    counts that takes the fewest templates, max(people, size / k) of k, for what there is; of
    equals the largest.

    Between two calibrated sizes the threshold is linear in the logarithm of the size, as the best
    of N scores grows, and the interval is the hull of both. Below the smallest it is that of the
    smallest, which can only raise fewer alarms. Above the largest, n, a gallery of k n people is
    taken for k galleries that fail apart, the worst there can be: what is asked of each is
    ``1 - (1 - fpir) ** (1 / k)``, between two calibrated rates linear in the logarithm of the rate.

    Raises:
        InputError: no such rate is calibrated, or the size is beyond what the calibrated rates
            carry.
    """
    size = integer("size", size, "the number of enrolled templates, from 1", 1)
    if people is None:
        people = size
    people = integer("people", people, f"whose the {size} templates are, 1 to {size}", 1, size)
    if not record.identification:
        raise InputError(
            f"fpir: {record.full_name} is not calibrated for identification; {_REMEDY}"
        )
    rate = _rate(record, fpir)
    cases = []
    for each, known in _by_templates(record).items():
        if rate in known:
            held = max(people, -(-size // each))
            cases.append((each * held, -each, held, known))
    cases.sort(key=lambda case: case[:2])
    inside = [case for case in cases if case[2] <= case[3][rate][-1]["size"]]
    if inside:
        slots, each, held, known = inside[0]
        found = _among(known[rate], held)
        # Those who fill less than they are taken for raise fewer alarms, nobody knows how few.
        low = found.interval[0] if (held, slots) == (people, size) else 0.0
        return _of(found, size, people, low)
    cases.sort(key=lambda case: case[2] / case[3][rate][-1]["size"])
    for *_, held, known in cases:
        beyond = _beyond(known, rate, held)
        if beyond is not None:
            return _of(beyond, size, people, beyond.interval[0] if held == people == size else 0.0)
    raise InputError(_refusal(record, cases[0][3], rate, size, people))


def _rate(record: Record, fpir: float) -> float:
    """The calibrated one that ``fpir`` means; InputError where it means none."""
    if isinstance(fpir, bool) or not isinstance(fpir, int | float):
        raise InputError(f"fpir: expected a number from 0 to 1, got {shown(fpir)}")
    known = sorted({entry["fpir"] for entry in record.identification}, reverse=True)
    for rate in known:
        # Compared and not computed with: an integer may be too large for a float.
        if 0 <= fpir <= 1 and math.isclose(rate, fpir, rel_tol=1e-6):
            return rate
    raise InputError(
        f"fpir: {record.full_name} has no identification threshold at {shown(fpir)}; "
        f"calibrated: {', '.join(f'{rate:g}' for rate in known)}. Ask for one of these (fpir=, "
        f"--fpir), or {_REMEDY}"
    )


def _by_templates(record: Record) -> dict[int, ByRate]:
    """The entries by templates a person, of each rate by rising size; the rates fall."""
    found: dict[int, ByRate] = {}
    for entry in sorted(record.identification, key=lambda entry: (-entry["fpir"], entry["size"])):
        known = found.setdefault(entry.get("templates", 1), {})
        known.setdefault(entry["fpir"], []).append(entry)
    return found


def _among(entries: list[Identification], size: int) -> OpenSet:
    """Up to the largest calibrated size."""
    for low, high in pairwise(entries):
        if low["size"] < size < high["size"]:
            part = math.log(size / low["size"]) / math.log(high["size"] / low["size"])
            bounds = [*zip(low["interval"], high["interval"], strict=True)]
            return OpenSet(
                threshold=_between(low, high, part),
                fpir=low["fpir"],
                interval=(min(bounds[0]), max(bounds[1])),
                size=size,
                people=size,
                dataset=high["dataset"],
            )
    entry = next(e for e in entries if size <= e["size"])
    least = entry["interval"][0] if size == entry["size"] else 0.0
    return OpenSet(
        threshold=entry["threshold"],
        fpir=entry["fpir"],
        interval=(least, entry["interval"][1]),
        size=size,
        people=size,
        dataset=entry["dataset"],
    )


def _beyond(known: ByRate, rate: float, size: int) -> OpenSet | None:
    """Above the largest calibrated size: by galleries of that size; None where no rate is low
    enough."""
    last, there = known[rate][-1], _at_last(known, rate)
    times = size / last["size"]
    each = -math.expm1(math.log1p(-rate) / times)
    around = [(a, b) for a, b in pairwise(there) if a["fpir"] <= each <= b["fpir"]]
    if not around:
        return None
    low, high = around[0]
    part = math.log(each / low["fpir"]) / math.log(high["fpir"] / low["fpir"])
    # More templates raise more alarms, so the low end of one gallery bounds all of them.
    least = min(entry["interval"][0] / entry["fpir"] for entry in (low, high)) * each
    most = min(max(entry["interval"][1] / entry["fpir"] for entry in (low, high)) * each, 1.0)
    return OpenSet(
        threshold=_between(low, high, part),
        fpir=rate,
        interval=(least, 1.0 if most == 1 else -math.expm1(math.log1p(-most) * times)),
        size=size,
        people=size,
        dataset=f"{last['dataset']}, extrapolated from {last['size']} {_unit(last)}",
        extrapolated=True,
    )


def _refusal(record: Record, known: ByRate, rate: float, size: int, people: int) -> str:
    last, least = known[rate][-1], _at_last(known, rate)[0]
    most = math.log1p(-rate) / math.log1p(-least["fpir"]) * last["size"]
    whose = "" if people == size else f" of {people} people"
    return (
        f"size: {record.full_name} has no identification threshold at {rate:g} among {size} "
        f"templates{whose}: it is calibrated up to {last['size']} {_unit(last)}, which carries up "
        f"to {math.floor(most + 1e-9)} at this rate. Ask for a higher rate, enrol fewer pictures "
        f"of each person, or {_REMEDY}"
    )


def _at_last(known: ByRate, rate: float) -> list[Identification]:
    """The entries of all rates at the largest size of this one; the rates rise."""
    size = known[rate][-1]["size"]
    found = (entry for of in known.values() for entry in of if entry["size"] == size)
    return sorted(found, key=lambda entry: entry["fpir"])


def _unit(entry: Identification) -> str:
    each = entry.get("templates", 1)
    return "templates" if each == 1 else f"people of {each} templates each"


def _of(found: OpenSet, size: int, people: int, low: float) -> OpenSet:
    return replace(found, interval=(low, found.interval[1]), size=size, people=people)


def _between(low: Identification, high: Identification, part: float) -> float:
    return low["threshold"] + part * (high["threshold"] - low["threshold"])
