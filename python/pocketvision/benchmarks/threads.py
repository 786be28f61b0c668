"""Throughput: images per second of one batch on several threads, beside one thread."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..faces.embedder import Embedder
from ..runtime import shipped as models
from .examples import examples
from .measure import interleave

BATCH = 32
"""Aligned crops of the batch, embedded by one call."""


def run(
    networks: list[str] | None = None, threads: int = 2, rounds: int = 50
) -> list[dict[str, Any]]:
    """Time batches on one thread and on ``threads`` in turn, free to move between processors.

    ``networks``: names of shipped models or paths of compiled files; None means every shipped
    model. Rows: network, threads, batch, rounds, median_ms, q1_ms, q3_ms, images_per_second,
    ratio_to_one. Raises ValueError for fewer than 2 rounds or an unknown network.
    """
    rows: list[dict[str, Any]] = []
    for network in networks if networks is not None else sorted(models.shipped()):
        embedders = [Embedder(network, threads=count) for count in sorted({1, threads})]
        faces = examples(embedders[0].record)
        crops = np.stack([faces[index % len(faces)].crop for index in range(BATCH)])
        timings = interleave([partial(e.embed, crops, batch_size=BATCH) for e in embedders], rounds)
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
            }
            for embedder, timing in zip(embedders, timings, strict=True)
        ]
    return rows
