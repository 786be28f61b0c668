"""pytest-benchmark: exact search among a million int8 templates of 128 values, on one core.

    taskset -c 1 python -m pytest -n0 --benchmark-only tests/bench/suites/bench_search.py

``million_a_second`` counts comparisons, ``gigabytes_a_second`` the bytes of the rows that one pass
reads; a file's rows are 160 bytes apart, an array's 128. Reading alone is numpy's, of one array.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Int8Gallery, _runtime
from pocketvision.faces.gallery.firmware import FirmwareGallery

COUNT, SIZE = 1_000_000, 128
FEATURES = {"best": 2**32 - 1, "avx2": 1, "plain": 0}
"""Bits of model.h that the search may use."""


@pytest.fixture(scope="module")
def rows() -> Any:
    found = np.random.default_rng(1).integers(-127, 128, (COUNT, SIZE), np.int8)
    found[:, 0] = 127
    return found


@pytest.fixture(scope="module")
def mapped(rows: Any, tmp_path_factory: pytest.TempPathFactory) -> Int8Gallery:
    path: Path = tmp_path_factory.mktemp("gallery") / "million.pvg"
    names = [f"Person {row}" for row in range(COUNT)]
    path.write_bytes(FirmwareGallery(names, rows, "0f" * 32).to_bytes())
    return Int8Gallery.open(path)


def told(benchmark: Any, probes: int, stride: int) -> None:
    if benchmark.stats is None:  # --benchmark-disable
        return
    least = benchmark.stats.stats.min
    passes = -(-probes // 8)  # AT_ONCE of csrc/runtime/search/nearest.c
    benchmark.extra_info["million_a_second"] = probes * COUNT / least / 1e6
    benchmark.extra_info["gigabytes_a_second"] = passes * COUNT * stride / least / 1e9


@pytest.mark.benchmark(group="a million templates")
@pytest.mark.parametrize("probes", [1, 8])
def test_in_a_mapped_file(benchmark: Any, mapped: Int8Gallery, rows: Any, probes: int) -> None:
    found, _ = benchmark.pedantic(mapped.search, (rows[:probes], 10), rounds=15, warmup_rounds=1)
    assert found[:, 0].tolist() == list(range(probes))
    told(benchmark, probes, SIZE + 32)


@pytest.mark.benchmark(group="a million templates")
@pytest.mark.parametrize("probes", [1, 8])
@pytest.mark.parametrize("features", FEATURES)
def test_in_an_array(benchmark: Any, rows: Any, features: str, probes: int) -> None:
    inverse = _runtime.measure_templates(rows)
    arguments = (rows, inverse, rows[:probes], 10, FEATURES[features])
    found, _ = benchmark.pedantic(_runtime.search_templates, arguments, rounds=15, warmup_rounds=1)
    assert found[:, 0].tolist() == list(range(probes))
    told(benchmark, probes, SIZE)


@pytest.mark.benchmark(group="a million templates")
def test_reading_alone(benchmark: Any, rows: Any) -> None:
    assert benchmark.pedantic(np.max, (rows.view(np.uint8),), rounds=15, warmup_rounds=1)
    told(benchmark, 1, SIZE)
