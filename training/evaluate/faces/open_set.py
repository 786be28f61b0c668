"""Identification among N enrolled, on people who did not calibrate it: FPIR, FNIR.

    python -m pocketvision.training.evaluate.faces.open_set facechain-25m --lfw lfw_112 \\
        --root faces_more --list faces_more_list.csv --root faces_extra --list faces_extra_list.csv

Each split calibrates on some of the people (:mod:`pocketvision.faces.calibration.alarms` says how,
and why so) and measures on all others, who are probes and galleries in every combination at once:
FPIR is the mean over all galleries of that size. FNIR is that of LFW's people with two pictures,
one enrolled among strangers and one the probe. A second table tries the record's own thresholds on
galleries of one source, whose people are more alike than those of all.

``python -m pocketvision.training.restate`` writes what all people calibrate into the records.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pocketvision.faces.calibration import alarms, calibrate, pairs, rates
from pocketvision.faces.open_set import open_set
from pocketvision.record import Identification, Record, Threshold

from . import embedders, strangers

SIZES, FPIRS = (10, 100, 1000, 4000), (1e-2, 1e-3)
CALIBRATE = 3000
"""People who calibrate a split: a thousandth asks for as many, and 4,000 are left to enrol."""

SPLITS = 10
WORLDS = 2
"""Choices of one picture a person, where LFW has several."""

MORE_FARS = (5e-2, 1e-4)
"""False accept rates that a record states of all pairs of LFW's people, besides those of View 2."""

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
        met = alarms.meet(rows[first], people.names[first], share, WORLDS, split)
        new = alarms.meet(rows[other], people.names[other], 4 * share, WORLDS, split)
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
    for source in np.unique(people.sources).tolist():
        own = people.of(source)
        met = alarms.meet(rows[own], people.names[own], 0.05, WORLDS)
        for size in (n for n in ONE_SOURCE if n < met.people):
            for fpir in FPIRS:
                threshold = open_set(record, fpir, size).threshold
                found.append((source, size, fpir, met.fpir(size, threshold)))
    return found


def identification(
    rows: pairs.Rows, people: strangers.People, precision: str, *, draws: int = alarms.DRAWS
) -> list[Identification]:
    """A record's entries, of all ``people``."""
    count = len(np.unique(people.names))
    fpirs = [fpir for fpir in calibrate.FPIRS if alarms.carried(count, fpir)]
    sizes = [size for size in calibrate.SIZES if size < count]
    met = alarms.meet(rows, people.names, alarms.needed(sizes, fpirs), WORLDS)
    protocol = f"all galleries among {count} people, one view, {precision}"
    found = alarms.alarms(met, sizes, fpirs, draws=draws)
    return calibrate.entries(found, strangers.DATASET, protocol)


def more_thresholds(rows: pairs.Rows, people: strangers.People, precision: str) -> list[Threshold]:
    """A record's thresholds at those of ``MORE_FARS`` that all pairs of LFW's people carry."""
    own = people.of("lfw")
    _, number = np.unique(people.names[own], return_inverse=True)
    found = pairs.strangers(rows[own], number, rates.share_for(list(MORE_FARS)))
    every = [rates.rate(found, number, far) for far in MORE_FARS]
    return [
        {
            "far": rate.far,
            "threshold": pairs.rounded(rate.threshold, up=True),
            "interval": [pairs.rounded(rate.low, up=False), pairs.rounded(rate.high, up=True)],
            "dataset": "LFW",
            "protocol": f"all {rate.pairs} pairs of {rate.people} people, one view, {precision}",
        }
        for rate in every
        if rate.carried
    ]


def add_sources(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """--root and --list of the pictures besides LFW."""
    parser.add_argument("--root", type=Path, action="append", required=required, default=[])
    parser.add_argument("--list", type=Path, action="append", required=required, default=[])


def sources(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[tuple[Path, Path]]:
    """The pairs of them; an error of ``parser`` where one has no other."""
    if len(given.root) != len(given.list):
        parser.error(f"{len(given.root)} --root, but {len(given.list)} --list; give one for each")
    return list(zip(given.root, given.list, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="+", help="shipped models, compiled or ONNX files")
    parser.add_argument("--lfw", type=Path, required=True, help="aligned LFW crops")
    add_sources(parser, required=True)
    parser.add_argument("--splits", type=int, default=SPLITS, help="default %(default)d")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    pages = []
    try:
        people = strangers.read(given.lfw, sources(parser, given))
        for name in given.model:
            model = embedders.load(name)
            raw = strangers.embed(model, people, progress=sys.stderr.isatty())
            rows = pairs.unit_rows(raw)
            found = trials(rows, people, splits=given.splits)
            record = model.record
            alone = one_source(rows, people, record) if record and record.identification else []
            pages.append((record.full_name if record else name, found, alone))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if given.json:
        print(json.dumps([_values(*page) for page in pages], indent=1))
        return
    for title, found, alone in pages:
        _print(title, found, alone, len(np.unique(people.names)))


def _values(
    title: str, found: list[Trial], alone: list[tuple[str, int, float, float]]
) -> dict[str, object]:
    keys = ("source", "size", "fpir", "measured")
    return {
        "model": title,
        "trials": [asdict(trial) | {"inside": trial.inside} for trial in found],
        "one_source": [dict(zip(keys, row, strict=True)) for row in alone],
    }


def _print(
    title: str, found: list[Trial], alone: list[tuple[str, int, float, float]], people: int
) -> None:
    console = Console()
    table = Table(
        *("FPIR", "enrolled", "threshold", "stated, 95 %", "on new people", "inside", "FNIR"),
        title=f"{title}: calibrated on {CALIBRATE:,}, measured on {people - CALIBRATE:,} others",
    )
    for fpir in FPIRS:
        for size in SIZES:
            own = [t for t in found if (t.size, t.fpir) == (size, fpir)]
            mean = {
                key: float(np.mean([getattr(t, key) for t in own]))
                for key in ("threshold", "low", "high", "measured", "fnir")
            }
            ends = [f(t.measured for t in own) for f in (min, max)]
            table.add_row(
                f"{fpir:.1%}",
                f"{size:,}",
                f"{mean['threshold']:.3f}",
                f"{mean['low']:.3%} to {mean['high']:.3%}",
                f"{mean['measured']:.3%} ({ends[0]:.3%} to {ends[1]:.3%})",
                f"{sum(t.inside for t in own)} of {len(own)}",
                f"{mean['fnir']:.1%}",
            )
    console.print(table)
    if alone:
        table = Table("source", "enrolled", "stated", "FPIR", title=f"{title}: one source alone")
        for source, size, fpir, measured in alone:
            table.add_row(source, f"{size:,}", f"{fpir:.1%}", f"{measured:.3%}")
        console.print(table)


if __name__ == "__main__":
    main()
