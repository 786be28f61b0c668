"""Throughput: images per second of one batch on several threads, beside one thread."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..errors import InputError
from ..faces.embedder import Embedder
from ..runtime import shipped as models
from .measure import interleave
from .pictures import crops

BATCH = 32
"""Aligned crops of the batch, embedded by one call."""


def run(
    networks: list[str] | None = None, threads: int = 2, rounds: int = 50
) -> list[dict[str, Any]]:
    """Time batches on one thread and on ``threads`` in turn, free to move between processors.

    ``networks``: names of shipped models or paths of compiled files; None means every shipped
    embedder. Rows: network, threads, batch, rounds, median_ms, q1_ms, q3_ms, images_per_second,
    ratio_to_one, steady. Raises InputError for fewer than 2 rounds or an unknown network.
    """
    if rounds < 2:
        raise InputError(f"rounds: expected at least 2, got {rounds}")
    rows: list[dict[str, Any]] = []
    for network in networks if networks is not None else sorted(models.of_task("face-embedding")):
        embedders = [Embedder(network, threads=count) for count in sorted({1, threads})]
        faces = crops(embedders[0].record, BATCH)
        timings = interleave([partial(e.embed, faces, batch_size=BATCH) for e in embedders], rounds)
        rows += [
            {
                "network": embedder.record.name,
                "threads": embedder.threads,
                "batch": BATCH,
                "rounds": rounds,
                "median_ms": timing.median,
                "q1_ms": timing.lower,
                "q3_ms": timing.upper,
                "images_per_second": BATCH / timing.median * 1e3,
                "ratio_to_one": timings[0].median / timing.median,
                "steady": timing.steady,
            }
            for embedder, timing in zip(embedders, timings, strict=True)
        ]
    return rows
