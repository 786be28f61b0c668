"""Open-set thresholds: the score that keeps false alarms at a rate, at the gallery's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from ..errors import InputError, shown
from ..record import Identification, Record
from ..runtime.arrays import integer

_REMEDY = (
    "calibrate on more people of your own (pocketvision calibrate FOLDER --model FILE), or accept "
    "from a score, at no known rate (threshold=, --threshold)"
)


@dataclass(frozen=True)
class OpenSet:
    """A threshold of identification among ``size`` enrolled templates.

    ``threshold``: cosine. ``fpir``: share of strangers' probes with any template at or above it
    (ISO/IEC 19795-1); ``interval``: bounds of the share that new people show, 95 %. ``dataset``:
    what it was calibrated on. ``extrapolated``: ``size`` is above what was calibrated.
    """

    threshold: float
    fpir: float
    interval: tuple[float, float]
    size: int
    dataset: str
    extrapolated: bool = False


def open_set(record: Record, fpir: float, size: int) -> OpenSet:
    """The threshold at ``fpir`` for ``size`` enrolled templates.

    Between two calibrated sizes the threshold is linear in the logarithm of the size, as the best
    of N scores grows, and the interval is the hull of both. Below the smallest it is that of the
    smallest, which can only raise fewer alarms. Above the largest, n, a gallery of k n templates is
    taken for k galleries that fail apart, the worst there can be: what is asked of each is
    ``1 - (1 - fpir) ** (1 / k)``, between two calibrated rates linear in the logarithm of the rate.

    Raises:
        InputError: no such rate is calibrated, or the size is beyond what the calibrated rates
            carry.
    """
    size = integer("size", size, "the number of enrolled templates, from 1", 1)
    known = _by_rate(record)
    if not known:
        raise InputError(
            f"fpir: {record.full_name} is not calibrated for identification; {_REMEDY}"
        )
    if isinstance(fpir, bool) or not isinstance(fpir, int | float):
        raise InputError(f"fpir: expected a number from 0 to 1, got {shown(fpir)}")
    # Compared and not computed with: an integer may be too large for a float.
    rates = [rate for rate in known if 0 <= fpir <= 1 and math.isclose(rate, fpir, rel_tol=1e-6)]
    if not rates:
        raise InputError(
            f"fpir: {record.full_name} has no identification threshold at {shown(fpir)}; "
            f"calibrated: {', '.join(f'{rate:g}' for rate in known)}. Ask for one of these (fpir=, "
            f"--fpir), or {_REMEDY}"
        )
    entries = known[rates[0]]
    if size > entries[-1]["size"]:
        return _beyond(record, known, entries[-1], size)
    for low, high in pairwise(entries):
        if low["size"] < size < high["size"]:
            part = math.log(size / low["size"]) / math.log(high["size"] / low["size"])
            bounds = [*zip(low["interval"], high["interval"], strict=True)]
            return OpenSet(
                threshold=_between(low, high, part),
                fpir=low["fpir"],
                interval=(min(bounds[0]), max(bounds[1])),
                size=size,
                dataset=high["dataset"],
            )
    entry = next(e for e in entries if size <= e["size"])
    least = entry["interval"][0] if size == entry["size"] else 0.0
    return OpenSet(
        threshold=entry["threshold"],
        fpir=entry["fpir"],
        interval=(least, entry["interval"][1]),
        size=size,
        dataset=entry["dataset"],
    )


def _beyond(
    record: Record,
    known: dict[float, list[Identification]],
    last: Identification,
    size: int,
) -> OpenSet:
    """Above the largest calibrated size, that of ``last``: by galleries of that size."""
    times = size / last["size"]
    each = -math.expm1(math.log1p(-last["fpir"]) / times)
    there = sorted(
        (entry for of in known.values() for entry in of if entry["size"] == last["size"]),
        key=lambda entry: entry["fpir"],
    )
    around = [(a, b) for a, b in pairwise(there) if a["fpir"] <= each <= b["fpir"]]
    if not around:
        most = math.log1p(-last["fpir"]) / math.log1p(-there[0]["fpir"]) * last["size"]
        raise InputError(
            f"size: {record.full_name} has no identification threshold at {last['fpir']:g} among "
            f"{size} templates: it is calibrated up to {last['size']}, which carries up to "
            f"{math.floor(most + 1e-9)} at this rate. Ask for a higher rate, enrol fewer pictures "
            f"of each person, or {_REMEDY}"
        )
    low, high = around[0]
    part = math.log(each / low["fpir"]) / math.log(high["fpir"] / low["fpir"])
    # More templates raise more alarms, so the low end of one gallery bounds all of them.
    least = min(entry["interval"][0] / entry["fpir"] for entry in (low, high)) * each
    most = min(max(entry["interval"][1] / entry["fpir"] for entry in (low, high)) * each, 1.0)
    return OpenSet(
        threshold=_between(low, high, part),
        fpir=last["fpir"],
        interval=(least, 1.0 if most == 1 else -math.expm1(math.log1p(-most) * times)),
        size=size,
        dataset=f"{last['dataset']}, extrapolated from {last['size']} templates",
        extrapolated=True,
    )


def _by_rate(record: Record) -> dict[float, list[Identification]]:
    """The entries of each rate by rising size; the rates fall."""
    rates = sorted({entry["fpir"] for entry in record.identification}, reverse=True)
    return {
        rate: sorted(
            (entry for entry in record.identification if entry["fpir"] == rate),
            key=lambda entry: entry["size"],
        )
        for rate in rates
    }


def _between(low: Identification, high: Identification, part: float) -> float:
    return low["threshold"] + part * (high["threshold"] - low["threshold"])
