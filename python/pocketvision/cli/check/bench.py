"""``pocketvision bench``: latency, cold start or throughput of compiled models on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..common import Verbs, new_verb
from ..text import show, show_json, show_table

_LATENCY = ("network", "target", "median_ms", "fast_ms", "q1_ms", "q3_ms")
_START = ("start_ms", "resident_mb", "installed_mb")
_THROUGHPUT = ("network", "threads", "images_per_second", "ratio_to_one")
_WORDS = {"fast_ms": "fastest_10%_ms"}


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "bench", run, "Measure latency, cold start or throughput.")
    parser.epilog = "Other runtimes on the same weights: tests/bench/README.md of a checkout."
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all shipped")
    parser.add_argument("--rounds", type=int, default=50, help="default %(default)d")
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--starts",
        type=int,
        default=0,
        metavar="N",
        help="start N processes for the time to the first embedding, and its memory",
    )
    other.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="images per second of a batch on N threads beside one, in place of the latency",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one row per network or number of threads: a table, or a JSON list."""
    networks = arguments.networks or None
    if arguments.threads is None:
        from ...bench.latency import run as measure

        columns = _LATENCY + _START * bool(arguments.starts)
        rows = measure(networks, arguments.rounds, arguments.starts)
    else:
        from ...bench.threads import run as measure_threads

        columns, rows = _THROUGHPUT, measure_threads(networks, arguments.threads, arguments.rounds)
    if arguments.json:
        show_json(rows)
    else:
        head = tuple(_WORDS.get(column, column) for column in columns)
        show_table([head, *(tuple(_text(row[column]) for column in columns) for row in rows)])
    _warn(rows)
    return 0


def _warn(rows: list[dict[str, Any]]) -> None:
    unsteady = sorted({row["network"] for row in rows if not row["steady"]})
    if unsteady:
        from ...bench.machine import facts

        show(
            f"note: {', '.join(unsteady)}: the middle half of the rounds spreads over more than a "
            f"third of the median; load {facts()['load']}. Measure again on an idle machine.",
            file=sys.stderr,
        )


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
