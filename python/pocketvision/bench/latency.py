"""Latency of one face on one pinned core, and on request the cold start of a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import InputError
from ..faces.embedder import Embedder
from ..runtime import shipped as models
from . import start
from .measure import interleave, pinned
from .pictures import crops


def run(
    networks: list[str] | None = None, rounds: int = 50, starts: int = 0
) -> list[dict[str, Any]]:
    """Time one face through each network, in turn, from uint8 pixels to the unit-norm embedding.

    ``networks``: names of shipped models or paths of compiled files; None means every shipped
    embedder. ``starts``: how often a process starts for the cold start, 0 for not at all.
    Rows: network, target, rounds, median_ms, q1_ms, q3_ms, fast_ms (a tenth of the rounds took
    less), steady (the spread is at most a third of the median); start_ms, resident_mb and
    installed_mb, which are None without ``starts``.
    Raises InputError for fewer than 2 rounds, a single start, or an unknown network.
    """
    if rounds < 2 or starts == 1 or starts < 0:
        raise InputError(
            f"rounds and starts: expected at least 2 (no start: 0), got {rounds} and {starts}"
        )
    names = networks if networks is not None else sorted(models.of_task("face-embedding"))
    embedders = [Embedder(name) for name in names]
    with pinned():
        timings = interleave([_one_face(embedder) for embedder in embedders], rounds)
        programs = [start.ours(embedder) for embedder in embedders]
        started = start.measure(programs, starts) if starts else [None] * len(embedders)
    return [
        {
            "network": embedder.record.name,
            "target": embedder.target,
            "rounds": rounds,
            "median_ms": timing.median,
            "q1_ms": timing.lower,
            "q3_ms": timing.upper,
            "fast_ms": timing.fast,
            "steady": timing.steady,
            "start_ms": first.timing.median if first else None,
            "resident_mb": first.resident if first else None,
            "installed_mb": first.installed if first else None,
        }
        for embedder, timing, first in zip(embedders, timings, started, strict=True)
    ]


def _one_face(embedder: Embedder) -> Callable[[], object]:
    return partial(embedder.embed, crops(embedder.record, 1)[0])
