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
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from pocketvision.faces.calibration import pairs

from .. import embedders
from . import strangers
from .trials import CALIBRATE, FPIRS, SIZES, SPLITS, Trial, one_source, trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="+", help="shipped models, compiled or ONNX files")
    parser.add_argument("--lfw", type=Path, required=True, help="aligned LFW crops")
    strangers.add_sources(parser, required=True)
    parser.add_argument("--splits", type=int, default=SPLITS, help="default %(default)d")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    pages = []
    try:
        people = strangers.read(given.lfw, strangers.sources(parser, given))
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
