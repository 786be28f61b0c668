"""Pictures kept aside, during a run: recall, precision and landmarks in validation.csv."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from ...data.detect import Faces
from ...evaluate.detect import protocol, seen
from ...evaluate.detect.judge import judge
from ...models.detector import FaceFinder
from ...run.journal import read_rows, write_rows


class Row(NamedTuple):
    """Scores after a step, as ``protocol.Score`` has them."""

    step: int
    recall: float
    precision: float
    error: float


class Judge:
    """Scores a network on whole pictures, fitted into its input."""

    def __init__(self, kept: Faces, out: Path, height: int, width: int):
        self.kept, self.size, self.table = kept, (height, width), out / "validation.csv"
        self.rows: list[Row] = []
        if self.table.exists():
            rows = read_rows(self.table, float, *Row._fields)
            self.rows = [
                Row(int(row["step"]), *(float(row[key]) for key in Row._fields[1:])) for row in rows
            ]

    def __call__(self, network: FaceFinder, step: int) -> protocol.Score:
        """The score after ``step``; leaves the network in its mode."""
        mode = network.training
        network.eval()
        found = judge(seen.detector(network, *self.size), self.kept, *self.size)
        network.train(mode)
        row = Row(step, found.recall, found.precision, found.error)
        self.rows = [*(one for one in self.rows if one.step < step), row]
        write_rows(self.table, [Row._fields, *self.rows])
        print(
            f"validation: recall {found.recall:.3f} at {protocol.ALARMS:g} alarms a picture, "
            f"precision {found.precision:.3f}, landmarks {found.error:.4f} (step {step})",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        return found
