"""The benchmark itself: rows are well formed, broken peers are void, absent ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketvision import bench
from pocketvision.benchmarks import contest, plot, report
from pocketvision.benchmarks.candidate import Absent, Candidate, Example, Runner, Sources
from pocketvision.runtime.shipped import DEFAULT_MODEL

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
    monkeypatch.setattr(contest, "PROBE_ROUNDS", 2)
    rows = bench.run([DEFAULT_MODEL], peers=["onnxruntime"], rounds=2)
    _check(rows)
    assert {row["precision"] for row in rows[1:]} == {"float32", "int8"}
    assert all(row["cosine_to_float"] > contest.LEAST_COSINE for row in rows)
    assert report.table(rows).count("\n") == len(rows)
    assert report.read_json(report.write_json(rows, tmp_path / "b.json")) == rows
    assert report.read_json(tmp_path / "none.json") == []
    assert plot.write_png(rows, tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_without_weights_the_peers_are_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POCKETVISION_WEIGHTS", str(tmp_path / "nowhere"))
    notes: list[str] = []
    rows = bench.run([DEFAULT_MODEL], peers=True, rounds=2, note=notes.append)
    assert [row["runtime"] for row in rows] == ["pocketvision"]
    assert rows[0]["cosine_to_float"] is None
    assert "POCKETVISION_WEIGHTS" in notes[0]


def _candidate(vector: list[float], precision: str = "float32") -> Candidate:
    def load() -> Runner:
        return lambda example: np.array(vector)

    return Candidate("peer", precision, "made up", load)


def _faces() -> contest.Faces:
    crop = np.zeros((112, 112, 3), np.uint8)
    example = Example(crop, np.zeros((1, 3, 112, 112), np.float32))
    return contest.Faces([example], [example])


def test_a_wrong_embedding_voids_a_candidate() -> None:
    notes: list[str] = []
    right, wrong = _candidate([1.0, 0.01]), _candidate([-1.0, 0.0])
    broken = _candidate([float("nan"), 0.0])
    reference = np.array([[1.0, 0.0]])
    best = contest.fastest([wrong, right, broken], _faces(), reference, notes.append)
    assert best is not None and best.candidate is right
    assert len(notes) == 2 and all("void" in note for note in notes)
    assert contest.fastest([wrong], _faces(), reference, notes.append) is None


def test_int8_of_noise_is_judged_by_the_float_types_of_its_runtime() -> None:
    notes: list[str] = []
    reference = np.array([[1.0, 0.0]])
    far, near = _candidate([0.6, 0.8], "int8"), _candidate([1.0, 0.0])

    def chosen(candidates: list[Candidate], noise: bool) -> list[float | None]:
        found = contest.best_of_each(candidates, _faces(), reference, noise, notes.append)
        return [ready.cosine for ready in found]

    assert chosen([far, near], True) == pytest.approx([1.0, 0.6])
    assert chosen([far, near], False) == [1.0]
    assert chosen([far, _candidate([0.0, 1.0])], True) == []
    assert notes[-1] == "peer int8 void: no float type of it is right"


def test_the_summary_names_the_best_peer_in_any_precision() -> None:
    def row(runtime: str, precision: str, median: float) -> dict:
        return {"network": "n", "runtime": runtime, "precision": precision, "median_ms": median}

    rows = [row("a", "int8", 4), row("pocketvision", "int8", 1), row("b", "bfloat16", 2)]
    line = report.summary(rows).splitlines()[1]
    assert line.split() == ["n", "1.00", "2.00", "0.50", "b", "bfloat16"]


def test_added_networks_keep_the_others(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [{**bench.run([DEFAULT_MODEL], peers=False, rounds=2)[0], "network": "other"}]
    report.write_json(rows, tmp_path / "bench.json")
    options = ["--networks", DEFAULT_MODEL, "--rounds", "2", "--out", str(tmp_path), "--add"]
    assert bench.main(options) == 0
    kept = report.read_json(tmp_path / "bench.json")
    assert [row["network"] for row in kept] == [DEFAULT_MODEL, "other"]
    assert "other" in capsys.readouterr().out


def test_an_absent_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from pocketvision.benchmarks import peer_ncnn

    monkeypatch.setattr(peer_ncnn, "find_spec", lambda name: None)
    with pytest.raises(Absent, match="pip install ncnn"):
        peer_ncnn.candidates(Sources("x", [], [], None))


def test_wrong_arguments_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for given, message in ((["nope"], "no shipped model"), (["--rounds", "1"], "at least 2")):
        with pytest.raises(SystemExit):
            bench.main(given)
        assert message in capsys.readouterr().err


def test_unknown_network_and_too_few_rounds() -> None:
    with pytest.raises(ValueError, match="no shipped model"):
        bench.run(["no-such-net"], peers=False, rounds=2)
    with pytest.raises(ValueError, match="rounds"):
        bench.run([DEFAULT_MODEL], peers=False, rounds=2, starts=1)
    with pytest.raises(ValueError, match="rounds"):
        bench.run([DEFAULT_MODEL], peers=False, rounds=1)
