"""pytest-benchmark: search of 100,000 templates of 128 values in PostgreSQL with pgvector.

    python -m pytest -n0 --benchmark-only tests/bench/suites/bench_server.py

The server runs on this machine, by a unix socket; ``million_a_second`` counts the rows that one
search answers for: without an index the server looks at each, in as many processes as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pocketvision.faces.int8.server import ServerGallery

from ...python.faces.int8.postgres import with_pgvector

COUNT, SIZE = 100_000, 128


@pytest.fixture(scope="module")
def rows() -> Any:
    people = np.random.default_rng(1).normal(size=(COUNT // 5, 1, SIZE))
    noise = np.random.default_rng(2).normal(size=(COUNT // 5, 5, SIZE))
    return (people + 0.4 * noise).reshape(COUNT, SIZE).astype(np.float32)


@pytest.fixture(scope="module")
def gallery() -> Iterator[ServerGallery]:
    with (
        with_pgvector() as address,
        ServerGallery(address, model="pocketnet-s-128") as made,
    ):
        yield made


@pytest.mark.benchmark(group="100,000 templates on a server")
@pytest.mark.parametrize("step", ["add", "exact", "build", "indexed"])
def test_a_server(benchmark: Any, gallery: ServerGallery, rows: Any, step: str) -> None:
    """In this order, each step on what the one before left."""
    if step == "add":
        benchmark.pedantic(gallery.add, (rows,), rounds=1)
    elif step == "build":
        benchmark.pedantic(gallery.index, (512,), rounds=1)
    else:
        found, _ = benchmark.pedantic(gallery.search, (rows[7], 10), rounds=15, warmup_rounds=2)
        assert found[0] == 7
    if benchmark.stats is not None:  # --benchmark-disable
        benchmark.extra_info["million_a_second"] = COUNT / benchmark.stats.stats.min / 1e6
