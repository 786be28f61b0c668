"""The race of ordinary networks on a small size: rows are well formed, wrong names are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..peers.race import contest, report
from ..peers.runtimes import peer_onnxruntime
from . import __main__ as ordinary


def test_two_rounds_beside_onnxruntime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(contest, "PROBE_ROUNDS", 2)
    monkeypatch.setattr(ordinary, "PEERS", {"onnxruntime": peer_onnxruntime})
    given = ["resnet8", "--rounds", "2", "--work", str(tmp_path / "work")]
    assert ordinary.main([*given, "--out", str(tmp_path / "out")]) == 0
    machine, rows = report.read_json(tmp_path / "out" / "resnet8.json")
    assert "processor" in machine
    assert [row["runtime"] for row in rows] == ["pocketvision", "onnxruntime", "onnxruntime"]
    assert {row["precision"] for row in rows[1:]} == {"float32", "int8"}
    assert all(np.isfinite(row["median_ms"]) and row["noise"] for row in rows)
    assert all(row["cosine_to_float"] > 0.9 for row in rows)


def test_an_unknown_network_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ordinary.main(["resnet9"])
    assert "no network resnet9; there are resnet18" in capsys.readouterr().err
