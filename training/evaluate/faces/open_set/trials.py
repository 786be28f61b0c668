"""Thresholds of some people tried on all others: FPIR and FNIR in galleries of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from pocketvision.faces.calibration import alarms, pairs
from pocketvision.faces.open_set import open_set
from pocketvision.record import Record

from . import strangers

SIZES, FPIRS = (10, 100, 1000, 4000), (1e-2, 1e-3)
CALIBRATE = 3000
"""People who calibrate a split: a thousandth asks for as many, and 4,000 are left to enrol."""

SPLITS = 10
ONE_SOURCE = (10, 100, 1000)


@dataclass(frozen=True)
class Trial:
    """One split: what was stated of a threshold, and what its people showed (fractions of 1)."""

    split: int
    size: int
    fpir: float
    threshold: float
    low: float
    high: float
    measured: float
    fnir: float

    @property
    def inside(self) -> bool:
        """Whether the measured rate is within the stated interval."""
        return self.low <= self.measured <= self.high


def trials(
    rows: pairs.Rows,
    people: strangers.People,
    *,
    splits: int = SPLITS,
    calibrating: int = CALIBRATE,
    sizes: Sequence[int] = SIZES,
    fpirs: Sequence[float] = FPIRS,
    draws: int = alarms.DRAWS,
) -> list[Trial]:
    """All splits of ``people``, whose pictures are ``rows`` (N, D) of length 1."""
    names = np.unique(people.names)
    share = alarms.needed(sizes, fpirs)
    found = []
    for split in range(splits):
        mixed = np.random.default_rng(split).permutation(names)
        first = np.flatnonzero(np.isin(people.names, mixed[:calibrating]))
        other = np.flatnonzero(np.isin(people.names, mixed[calibrating:]))
        met = alarms.meet(rows[first], people.names[first], share, strangers.WORLDS, split)
        new = alarms.meet(rows[other], people.names[other], 4 * share, strangers.WORLDS, split)
        mates = Mates(rows[other], people.names[other], split)
        for alarm in alarms.alarms(met, sizes, fpirs, draws=draws, seed=split):
            found.append(
                Trial(
                    **{"split": split, **asdict(alarm)},
                    measured=new.fpir(alarm.size, alarm.threshold),
                    fnir=mates.fnir(alarm.size, alarm.threshold),
                )
            )
    return found


class Mates:
    """People with two pictures, among all others: one enrolled at random, one the probe."""

    def __init__(self, rows: pairs.Rows, names: NDArray[np.str_], seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        mixed = random.permutation(len(rows))
        _, one, person = np.unique(names[mixed], return_index=True, return_inverse=True)
        enrolled = mixed[one]
        again = np.ones(len(rows), bool)
        again[one] = False
        probes, at = np.unique(person[again], return_index=True)
        probe = mixed[again][at]
        score = rows[probe] @ rows[enrolled].T
        own = np.arange(len(probes)), probes
        self.mate = score[own].astype(np.float64)
        score[own] = -2
        self.above = (score >= self.mate[:, None].astype(np.float32)).sum(axis=1)
        self.others = len(enrolled) - 1

    def fnir(self, size: int, threshold: float) -> float:
        """Share of probes below ``threshold``, or with one of size - 1 strangers before the mate;
        the mean over all such galleries."""
        drawn = min(size - 1, self.others)
        before = np.arange(max(int(self.above.max(initial=0)), 1))
        left = np.maximum(self.others - drawn - before, 0) / np.maximum(self.others - before, 1)
        first = np.concatenate([[1.0], np.cumprod(left)])[self.above]
        return float(1 - ((self.mate >= threshold) * first).mean())


def one_source(
    rows: pairs.Rows, people: strangers.People, record: Record
) -> list[tuple[str, int, float, float]]:
    """Source, size, FPIR stated by ``record``, and FPIR in galleries of that source alone."""
    found = []
    stated = {entry["fpir"] for entry in record.identification}
    for source in np.unique(people.sources).tolist():
        own = people.of(source)
        met = alarms.meet(rows[own], people.names[own], 0.1, strangers.WORLDS)
        for size in (n for n in ONE_SOURCE if n < met.people):
            for fpir in (f for f in FPIRS if f in stated):
                threshold = open_set(record, fpir, size).threshold
                found.append((source, size, fpir, met.fpir(size, threshold)))
    return found
