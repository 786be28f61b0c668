"""What a run leaves to read: log.csv, TensorBoard events, a picture of the curves."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from pocketvision.files import write_text, write_whole


class Journal:
    """Rows of one run; after a resume, rows past the resume point are dropped and written anew."""

    def __init__(self, folder: Path, step: int):
        self.path = folder / "log.csv"
        self.columns: list[str] = []
        self.rows: list[dict[str, str]] = []
        if self.path.exists():
            self.rows = [
                row for row in read_rows(self.path, int, "step") if int(row["step"]) <= step
            ]
        if self.rows:
            self.columns = list(self.rows[0])
            self._rewrite()
        else:
            self.path.unlink(missing_ok=True)
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def add(self, step: int, values: dict[str, float]) -> None:
        """One row of ``step``; the first row fixes the columns."""
        row = {"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()}
        if not self.columns:
            self.columns = list(row)
            self._rewrite()
        with open(self.path, "a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)
        self.rows.append(row)
        for name, value in values.items():
            self.board.add_scalar(name, value, step)
        shown = " ".join(f"{name} {value:.4g}" for name, value in values.items())
        print(f"step {step} {shown}", file=sys.stderr, flush=True)

    def close(self, title: str) -> None:
        """Ends the events and draws the curves beside the log."""
        self.board.close()
        if len(self.rows) > 1:
            plot(self.rows, self.path.with_suffix(".png"), title)

    def _rewrite(self) -> None:
        write_rows(self.path, [self.columns, *(list(row.values()) for row in self.rows)])


def read_rows(path: Path, kind: Callable[[str], float], *columns: str) -> list[dict[str, str]]:
    """The rows of a CSV file whose ``columns`` are numbers that ``kind`` reads.

    A last line without an end was being written when the run was killed, and is left out.

    Raises:
        ValueError: it is no such file.
    """
    try:
        text = path.read_bytes().decode()
        rows = list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline="")))
        for row in rows:
            if None in row or None in row.values():
                raise ValueError("a row has more or fewer fields than the first line")
            for column in columns:
                kind(row[column])
    except (ValueError, KeyError, csv.Error) as error:
        raise ValueError(
            f"{path}: expected numbers in the columns {', '.join(columns)} ({error}); "
            "move it away to start a new one"
        ) from error
    return rows


def write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """A CSV file, there whole or not at all."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    write_text(path, text.getvalue())


def plot(rows: list[dict[str, str]], path: Path, title: str) -> None:
    """One panel per logged quantity over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in rows[0] if name != "step"]
    steps = [int(row["step"]) for row in rows]
    figure, axes = pyplot.subplots(
        len(names), 1, sharex=True, figsize=(7, 1.8 * len(names)), squeeze=False
    )
    for axis, name in zip(axes[:, 0], names, strict=True):
        axis.plot(steps, [float(row[name]) for row in rows], linewidth=1)
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[0, 0].set_title(title)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    write_whole(path, lambda file: figure.savefig(file, dpi=110, format="png"))
    pyplot.close(figure)
