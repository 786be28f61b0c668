"""Which compiled file a model's name means."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketvision import InputError
from pocketvision.runtime import shipped as models


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with two variants of one model and one of another."""
    monkeypatch.delenv(models.TARGET_VARIABLE, raising=False)
    monkeypatch.setattr(models, "_package_folders", [str(tmp_path)])
    monkeypatch.setattr(models, "host_targets", lambda: ["fast", "middle", "slow"])
    (tmp_path / "models").mkdir()
    for name in ("net-a.middle.so", "net-a.slow.so", "net-b.fast.so", "notes.txt", "x.so"):
        (tmp_path / "models" / name).touch()
    return tmp_path / "models"


def test_the_best_that_is_installed(folder: Path) -> None:
    assert models.find("net-a") == str(folder / "net-a.middle.so")
    assert models.find("NET_A") == str(folder / "net-a.middle.so")
    assert models.find("net_b") == str(folder / "net-b.fast.so")
    assert {name: list(files) for name, files in models.shipped().items()} == {
        "net-a": ["middle", "slow"], "net-b": ["fast"],
    }  # fmt: skip


def test_forced_target(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(models.TARGET_VARIABLE, "slow")
    assert models.find("net-a") == str(folder / "net-a.slow.so")
    assert models.find("net-a", "middle") == str(folder / "net-a.middle.so")
    monkeypatch.setenv(models.TARGET_VARIABLE, "fast")
    with pytest.raises(
        InputError,
        match="^POCKETVISION_TARGET: net-a is not installed for fast; installed: middle, slow",
    ):
        models.find("net-a")


def test_unknown_name(folder: Path) -> None:
    with pytest.raises(InputError, match="'net-c'; shipped: net-a, net-b"):
        models.find("net-c")


def test_a_full_name_needs_its_weights(folder: Path, make_model: Any) -> None:
    file = folder / "net-a.middle.so"
    shutil.copy(make_model(), file)  # its tag is sums.v1
    assert models.find("net-a.sums.v1") == models.resolve(" Net_A.Sums.v1 ") == str(file)
    with pytest.raises(
        InputError, match="'net-a.sums.v2' is not installed, but 'fixture.sums.v1' is"
    ):
        models.find("net-a.sums.v2")
    with pytest.raises(InputError, match="'net-c.sums.v1'; shipped: net-a, net-b"):
        models.find("net-c.sums.v1")


def test_a_path_stays_a_path(folder: Path) -> None:
    assert models.resolve("sub/net") == "sub/net"
    assert models.resolve("net.so") == "net.so"
    assert models.resolve(Path("net-a")) == "net-a"
    assert models.resolve("net-a") == str(folder / "net-a.middle.so")


def test_host_targets_end_with_one_that_always_runs() -> None:
    assert models.host_targets()[-1] in ("x86-64-portable", "aarch64-neon")


def test_a_path_without_its_target_is_the_best_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = f"{tmp_path}/own"
    assert models.resolve(own) == own  # and is said to be absent by who opens it
    for target in ("middle", "slow"):
        (tmp_path / f"own.{target}.so").touch()
    assert models.resolve(own) == models.resolve(Path(own)) == f"{own}.middle.so"
    assert models.resolve(own, "slow") == f"{own}.slow.so"
    assert models.resolve(own, "fast") == own
    monkeypatch.setenv(models.TARGET_VARIABLE, "slow")
    assert models.resolve(own) == f"{own}.slow.so"
    (tmp_path / "own").touch()
    assert models.resolve(own) == own
