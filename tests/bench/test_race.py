"""The benchmark itself: rows are well formed, broken peers are void, absent ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketvision.errors import InputError, RunError
from pocketvision.runtime.shipped import DEFAULT_MODEL

from .peers import __main__ as bench
from .peers.candidate import Absent, Bound, Candidate, Example, Runner, Sources
from .peers.race import contest, plot, report
from .peers.race.run import Settings, run

NUMBERS = ("median_ms", "fast_ms", "q1_ms", "q3_ms", "iqr_ms", "ratio_to_ours")


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
    ((_, rows),) = run([DEFAULT_MODEL], Settings(peers=(), rounds=2))
    _check(rows)
    assert len(rows) == 1


def test_two_rounds_beside_onnxruntime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(contest, "PROBE_ROUNDS", 2)
    ((machine, rows),) = run([DEFAULT_MODEL], Settings(["onnxruntime"], rounds=2, out=tmp_path))
    _check(rows)
    assert {row["precision"] for row in rows[1:]} == {"float32", "int8"}
    assert all(row["cosine_to_float"] > contest.LEAST_COSINE for row in rows)
    assert report.table(rows).count("\n") == len(rows)
    assert report.read_folder(tmp_path) == [(machine, rows)]
    png = plot.write_png(rows, machine["processor"], tmp_path / "b.png")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_without_weights_the_peers_are_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POCKETVISION_WEIGHTS", str(tmp_path / "nowhere"))
    notes: list[str] = []
    ((_, rows),) = run([DEFAULT_MODEL], Settings(rounds=2), note=notes.append)
    assert [row["runtime"] for row in rows] == ["pocketvision"]
    assert rows[0]["cosine_to_float"] is None
    assert any("POCKETVISION_WEIGHTS" in note for note in notes)


def _candidate(vector: list[float], precision: str = "float32") -> Candidate:
    def load() -> Runner:
        return lambda example: Bound(lambda: None, lambda: np.array(vector))

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


def test_a_runtime_that_overwrites_its_bound_input_is_left_out() -> None:
    value = np.array([1.0, 0.0])

    def run_once() -> None:
        value[1] += 1

    worn = Candidate("worn", "float32", "v", lambda: lambda face: Bound(run_once, value.copy))
    notes: list[str] = []
    assert contest.fastest([worn], _faces(), np.array([[1.0, 0.0]]), notes.append) is None
    assert "its second run on one bound face gives another embedding" in notes[0]


def test_a_runtime_that_fails_is_left_out_with_what_it_raised() -> None:
    def load() -> Runner:
        raise OSError("no such plug-in\nand much more")

    notes: list[str] = []
    broken = Candidate("broken", "float32", "v", load)
    assert contest.fastest([broken], _faces(), np.array([[1.0, 0.0]]), notes.append) is None
    assert notes == ["broken float32 (v) skipped: OSError: no such plug-in"]


def test_a_run_is_taken_up_behind_what_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(peers=(), rounds=2, out=tmp_path, resume=True)
    names = ["facechain-25m", DEFAULT_MODEL]
    first = run(names[:1], settings)
    assert run(names, settings)[0] == first[0]
    assert sorted(path.stem for path in tmp_path.glob("*.json")) == names
    machine, rows = first[0]
    report.write_json({**machine, "processor": "another"}, rows, tmp_path / "facechain-25m.json")
    with pytest.raises(InputError, match="facechain-25m.json: measured on another"):
        run(names, settings)
    (tmp_path / "facechain-25m.json").write_text("{")
    with pytest.raises(InputError, match="delete it and measure again"):
        run(names, settings)


def test_a_network_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(network: object, *rest: object) -> list[dict]:
        if network.name == DEFAULT_MODEL:  # type: ignore[attr-defined]
            raise RunError("its embeddings are wrong")
        return [{"network": "other"}]

    monkeypatch.setattr("tests.bench.peers.race.run.race", fail)
    notes: list[str] = []
    settings = Settings(peers=(), rounds=2)
    ((_, rows),) = run([DEFAULT_MODEL, "facechain-25m"], settings, notes.append)
    assert rows == [{"network": "other"}]
    assert f"{DEFAULT_MODEL} skipped: its embeddings are wrong" in notes
    with pytest.raises(RunError, match="no network could be measured"):
        run([DEFAULT_MODEL], settings, notes.append)


def test_a_busy_machine_and_a_wide_spread_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.peers.race.run.load", lambda: 11.4)
    notes: list[str] = []
    ((machine, rows),) = run([DEFAULT_MODEL], Settings(peers=(), rounds=2), notes.append)
    assert notes[0].startswith("warning: load average 11.4 before the start")
    said = report.conditions(machine, [{**rows[0], "steady": False}])
    assert f"spread above a third of the median: {DEFAULT_MODEL} pocketvision int8" in said
    assert "warning" not in report.conditions(machine, [{**rows[0], "steady": True}])
    assert "!" in report.table([{**rows[0], "steady": False}])


def test_an_absent_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from .peers.runtimes import peer_ncnn

    monkeypatch.setattr(peer_ncnn, "find_spec", lambda name: None)
    with pytest.raises(Absent, match="pip install ncnn"):
        peer_ncnn.candidates(Sources("x", [], [], None))


def test_wrong_arguments_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for given, message in (
        (["nope"], "no shipped model"),
        (["--rounds", "1"], "at least 2"),
        (["--skip", "nope"], "no peer nope"),
        (["--resume"], "expected --out with it"),
        (["--out", __file__], "is a file; expected a folder"),
        (["--picture", str(Path(__file__).parent)], "is a folder; name a file in it"),
    ):
        with pytest.raises(SystemExit):
            bench.main(given)
        assert message in capsys.readouterr().err


def test_unknown_network_and_too_few_rounds() -> None:
    with pytest.raises(InputError, match="no shipped model"):
        run(["no-such-net"], Settings(peers=(), rounds=2))
    with pytest.raises(InputError, match="rounds"):
        run([DEFAULT_MODEL], Settings(peers=(), rounds=2, starts=1))
    with pytest.raises(InputError, match="rounds"):
        run([DEFAULT_MODEL], Settings(peers=(), rounds=1))
