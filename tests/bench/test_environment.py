"""Peers apart: what is missing is named, what pip refuses is noted, conversions are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .peers.candidate import Absent, Sources
from .peers.networks.once import once
from .peers.runtimes import environment, peer_executorch, peer_litert


def _sources(folder: Path) -> Sources:
    calibration = folder / "calibration.npy"
    np.save(calibration, np.zeros((2, 3, 112, 112), np.float32))
    files = [("exported", folder / "x.onnx"), ("folded", folder / "x.folded.onnx")]
    return Sources("x", files, [], None, False, calibration, folder / "envs")


def _pretend(folder: Path, name: str) -> None:
    site = folder / name / "lib" / "python3.11" / "site-packages"
    for package in environment.APART[name]:
        (site / f"{package.replace('-', '_')}-1.2.dist-info").mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n"
        (site / f"{package.replace('-', '_')}-1.2.dist-info" / "METADATA").write_text(text)
    (folder / name / "bin").mkdir()
    (folder / name / "bin" / "python").touch()


@pytest.mark.parametrize("peer", [peer_litert, peer_executorch])
def test_an_environment_that_is_not_there_says_how_to_make_it(peer, tmp_path: Path) -> None:
    with pytest.raises(Absent, match="not installed in .*; run with --install"):
        peer.candidates(_sources(tmp_path))


@pytest.mark.parametrize("peer", [peer_litert, peer_executorch])
def test_folded_files_enter_in_both_precisions(peer, tmp_path: Path) -> None:
    _pretend(tmp_path / "envs", peer.APART.name)
    found = peer.candidates(_sources(tmp_path))
    assert [(one.precision, one.variant) for one in found] == [
        ("float32", "folded"),
        ("int8", "folded"),
    ]
    assert all(one.version == "1.2" and one.first is not None for one in found)


def test_what_pip_refuses_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(command: list[str]) -> None:
        raise Absent("ERROR: no matching distribution")

    monkeypatch.setattr(environment, "run", refuse)
    monkeypatch.setattr(environment, "_installed", lambda name: name != "ncnn")
    notes: list[str] = []
    environment.install(tmp_path, notes.append)
    assert [note.split()[0] for note in notes] == ["ncnn", "litert", "executorch"]
    assert all("no matching distribution" in note for note in notes)


def test_what_is_installed_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in environment.APART:
        _pretend(tmp_path, name)
    monkeypatch.setattr(environment, "_installed", lambda name: True)
    monkeypatch.setattr(environment, "run", lambda command: pytest.fail(f"ran {command}"))
    environment.install(tmp_path, pytest.fail)


def test_a_conversion_is_made_once_and_a_refusal_remembered(tmp_path: Path) -> None:
    out, calls = tmp_path / "model", []

    def make() -> None:
        calls.append(1)
        out.touch()

    once([out], make)
    once([out], make)
    assert len(calls) == 1

    def refuse() -> None:
        calls.append(1)
        raise Absent("unknown operator")

    for _ in range(2):
        with pytest.raises(Absent, match="unknown operator"):
            once([tmp_path / "other"], refuse)
    assert len(calls) == 2
    with pytest.raises(Absent, match="wrote no third"):
        once([tmp_path / "third"], lambda: None)
