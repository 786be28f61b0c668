"""The benchmark itself: rows are well formed, broken peers are void, absent ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketvision import bench
from pocketvision.benchmarks import report
from pocketvision.benchmarks.candidate import Absent, Candidate, Example, Runner, Sources
from pocketvision.models import DEFAULT_MODEL

NUMBERS = ("median_ms", "q1_ms", "q3_ms", "iqr_ms", "ratio_to_ours")


def _check(rows: list[dict]) -> None:
    for row in rows:
        assert row["network"] == DEFAULT_MODEL
        assert (row["threads"], row["rounds"]) == (1, 2)
        assert all(np.isfinite(row[key]) for key in NUMBERS)
        assert 0 < row["q1_ms"] <= row["median_ms"] <= row["q3_ms"]
        json.dumps(row)
    assert rows[0]["runtime"] == "pocketvision"
    assert rows[0]["ratio_to_ours"] == 1


def test_two_rounds_of_ours_alone() -> None:
    rows = bench.run([DEFAULT_MODEL], peers=False, rounds=2)
    _check(rows)
    assert len(rows) == 1


def test_two_rounds_beside_onnxruntime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "PEERS", ("peer_onnxruntime",))
    monkeypatch.setattr(bench, "PROBE_ROUNDS", 2)
    rows = bench.run([DEFAULT_MODEL], peers=True, rounds=2)
    _check(rows)
    assert {row["precision"] for row in rows[1:]} == {"float32", "int8"}
    assert all(row["cosine_to_float"] > bench.LEAST_COSINE for row in rows)
    assert report.table(rows).count("\n") == len(rows)
    assert len(json.loads(report.write_json(rows, tmp_path / "b.json").read_text())["rows"]) == 3
    assert report.write_png(rows, tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_without_weights_the_peers_are_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POCKETVISION_WEIGHTS", str(tmp_path / "nowhere"))
    notes: list[str] = []
    rows = bench.run([DEFAULT_MODEL], peers=True, rounds=2, note=notes.append)
    assert [row["runtime"] for row in rows] == ["pocketvision"]
    assert rows[0]["cosine_to_float"] is None
    assert "POCKETVISION_WEIGHTS" in notes[0]


def _candidate(vector: list[float]) -> Candidate:
    def load() -> Runner:
        return lambda example: np.array(vector)

    return Candidate("peer", "float32", "made up", load)


def test_a_wrong_embedding_voids_a_candidate() -> None:
    crop = np.zeros((112, 112, 3), np.uint8)
    example = Example(crop, np.zeros((1, 3, 112, 112), np.float32))
    faces = bench._Faces([example], [example])
    notes: list[str] = []
    right, wrong = _candidate([1.0, 0.01]), _candidate([-1.0, 0.0])
    broken = _candidate([float("nan"), 0.0])
    reference = np.array([[1.0, 0.0]])
    best = bench._fastest([wrong, right, broken], faces, reference, notes.append)
    assert best is not None and best.candidate is right
    assert len(notes) == 2 and all("void" in note for note in notes)
    assert bench._fastest([wrong], faces, reference, notes.append) is None


def test_an_absent_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from pocketvision.benchmarks import peer_ncnn

    monkeypatch.setattr(peer_ncnn, "find_spec", lambda name: None)
    with pytest.raises(Absent, match="pip install ncnn"):
        peer_ncnn.candidates(Sources("x", [], [], None))


def test_unknown_network_and_too_few_rounds() -> None:
    with pytest.raises(ValueError, match="no shipped model"):
        bench.run(["no-such-net"], peers=False, rounds=2)
    with pytest.raises(ValueError, match="rounds"):
        bench.run([DEFAULT_MODEL], peers=False, rounds=1)
