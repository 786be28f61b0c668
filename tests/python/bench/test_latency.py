"""Own models, timed: rows are well formed, wrong arguments and unknown networks are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketvision.bench import latency, machine, threads
from pocketvision.errors import InputError
from pocketvision.runtime import shipped


def test_rows_of_a_shipped_model_and_of_a_file(model_file: Path) -> None:
    rows = latency.run([shipped.DEFAULT_MODEL, str(model_file)], rounds=3)
    assert [row["network"] for row in rows] == [shipped.DEFAULT_MODEL, "fixture"]
    for row in rows:
        assert 0 < row["fast_ms"] <= row["q1_ms"] <= row["median_ms"] <= row["q3_ms"]
        assert row["start_ms"] is None
        json.dumps(row)


def test_a_cold_start_is_measured_on_request(model_file: Path) -> None:
    (row,) = latency.run([str(model_file)], rounds=2, starts=2)
    assert row["start_ms"] > 5 and row["installed_mb"] > 0


@pytest.mark.parametrize(("rounds", "starts"), [(1, 0), (2, 1), (2, -1)])
def test_too_few_rounds_or_starts(rounds: int, starts: int) -> None:
    with pytest.raises(InputError, match="expected at least 2"):
        latency.run(rounds=rounds, starts=starts)


def test_unknown_networks_and_too_few_rounds_of_threads() -> None:
    with pytest.raises(InputError, match="no shipped model"):
        latency.run(["no-such-net"])
    with pytest.raises(InputError, match="rounds: expected at least 2"):
        threads.run(rounds=1)


def test_the_facts_name_the_load_and_the_versions_asked_for() -> None:
    found = machine.facts(("numpy", "no-such-package"))
    assert found["versions"].startswith("numpy ") and "no-such" not in found["versions"]
    assert " on " in found["load"] and found["processor"]
