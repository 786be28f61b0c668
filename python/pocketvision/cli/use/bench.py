"""``pocketvision bench``: latency of the shipped models, beside other runtimes on request."""

from __future__ import annotations

import argparse

from ...errors import InputError
from ..common import Verbs, new_verb
from ..text import show_json, show_table

_LATENCY = ("network", "runtime", "precision", "threads", "median_ms", "ratio_to_ours")
_THROUGHPUT = ("network", "threads", "images_per_second", "ratio_to_one")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "bench", run, "Measure latency, or throughput.", "bench")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all shipped")
    parser.add_argument("--peers", action="store_true", help="other runtimes on the same weights")
    parser.add_argument("--rounds", type=int, default=50, help="default %(default)d")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="images per second of a batch on N threads beside one, in place of the latency",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one row per runtime or number of threads: a table, or a JSON list."""
    networks = arguments.networks or None
    columns: tuple[str, ...]
    if arguments.threads is None:
        from ...bench import run as measure

        columns, rows = _LATENCY, measure(networks, arguments.peers, arguments.rounds)
    elif arguments.peers:
        raise InputError("--peers: other runtimes are timed on one thread only, without --threads")
    else:
        from ...benchmarks.threads import run as measure_threads

        columns, rows = _THROUGHPUT, measure_threads(networks, arguments.threads, arguments.rounds)
    if arguments.json:
        show_json(rows)
        return 0
    show_table([columns, *(tuple(_text(row[column]) for column in columns) for row in rows)])
    return 0


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
