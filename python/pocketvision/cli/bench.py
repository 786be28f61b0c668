"""``pocketvision bench``: latency of the shipped models, beside other runtimes on request."""

from __future__ import annotations

import argparse

from .common import Verbs, new_verb, print_json

_COLUMNS = ("network", "runtime", "precision", "threads", "median_ms", "ratio_to_ours")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "bench", run, "Measure latency on one thread.", "bench")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all shipped")
    parser.add_argument("--peers", action="store_true", help="other runtimes on the same weights")
    parser.add_argument("--rounds", type=int, default=50, help="default %(default)d")


def run(arguments: argparse.Namespace) -> int:
    """Print one row per runtime: a table, or a JSON list."""
    from ..bench import run as measure

    rows = measure(arguments.networks or None, arguments.peers, arguments.rounds)
    if arguments.json:
        print_json(rows)
        return 0
    table = [_COLUMNS, *(tuple(_text(row[column]) for column in _COLUMNS) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
