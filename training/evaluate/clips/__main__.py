"""Video@1 of runs of ``pocketvision train``, per fold, and two runs on the same videos compared.

    python -m pocketvision.training.evaluate.clips runs/rgb runs/distilled --plot confusion.png

The first run is what the others are compared with; several runs of one recipe with other seeds are
given apart, and their mean and deviation is for the reader. Nothing is computed anew: runs leave
``predictions.csv``, a line a test video.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import protocol, stored
from .protocol import Difference
from .stored import Result


def compared(first: Path, second: Path) -> Difference:
    """The second run less the first on the same videos.

    Raises:
        ValueError: their videos are not the same.
    """
    if stored.names(first) != stored.names(second):
        raise ValueError(f"{second}: its test videos are not those of {first}")
    right = [(x.argmax(1) == y) for x, y in (stored.together(run) for run in (first, second))]
    return protocol.difference(*right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", nargs="+", type=Path, help="folders of runs that are through")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="confusion of the last run")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        results = [stored.result(run) for run in given.run]
        differences = [compared(given.run[0], run) for run in given.run[1:]]
        if given.plot:
            stored.picture(given.plot, results[-1], given.run[-1].name)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if given.json:
        rows = [
            {"run": str(run)} | result.to_dict()
            for run, result in zip(given.run, results, strict=True)
        ]
        for row, found in zip(rows[1:], differences, strict=True):
            row["difference"] = vars(found)
        print(json.dumps(rows, indent=1))
        return
    _print(given.run, results, differences)


def _print(runs: list[Path], results: list[Result], differences: list[Difference]) -> None:
    console = Console()
    table = Table("run", "Video@1", "95 %", "folds", f"against {runs[0].name}", "p")
    for number, (run, found) in enumerate(zip(runs, results, strict=True)):
        share, against, p = found.video_at_1, "", ""
        if number:
            other = differences[number - 1]
            against = (
                f"{100 * other.value:+.1f} ({100 * other.low:+.1f} to {100 * other.high:+.1f})"
            )
            p = f"{other.p:.3f}"
        folds = ", ".join(f"{100 * fold.value:.1f}" for fold in found.folds)
        table.add_row(
            run.name,
            f"{100 * share.value:.1f} % of {share.count}",
            f"{100 * share.low:.1f} to {100 * share.high:.1f}",
            f"{folds} (± {100 * found.std:.1f})" if len(found.folds) > 1 else folds,
            against,
            p,
        )
    console.print(table)
    last = results[-1]
    grid = Table("true \\ given", *last.classes, title=f"confusion of {runs[-1].name}")
    for name, row in zip(last.classes, last.confusion, strict=True):
        grid.add_row(name, *(str(count) for count in row))
    console.print(grid)


if __name__ == "__main__":
    main()
