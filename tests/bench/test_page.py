"""The commands of tests/bench/README.md are run as printed, the slow part of each played."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .ordinary import __main__ as ordinary
from .peers import __main__ as bench
from .peers import tables
from .peers.cmsis_nn import __main__ as recount
from .peers.cmsis_nn.checkout import LAYERS, Checkout
from .peers.counted import __main__ as counted
from .peers.counted.guest import Guest

ROOT = Path(__file__).resolve().parents[2]
ROW = {
    "network": "n", "noise": False, "runtime": "pocketvision", "version": "1", "rounds": 2,
    "precision": "int8", "variant": "v", "median_ms": 1.0, "q1_ms": 0.9, "q3_ms": 1.1,
    "iqr_ms": 0.2, "fast_ms": 0.9, "steady": True, "ratio_to_ours": 1.0, "cosine_to_float": 1.0,
    "start_ms": None, "resident_mb": None, "installed_mb": None, "instructions": 1e6,
    "cycles": None,
}  # fmt: skip
MACHINE = {"processor": "p", "date": "2026-01-02 03:04 UTC"}
LAYER = {"layer": LAYERS[0], "core": "cortex-m4", "ours": 1, "cmsis_nn": 2, "option": "-O2"}


def commands() -> list[list[str]]:
    """Words of every command of the page's code blocks, and of its table of commands."""
    text = (ROOT / "tests/bench/README.md").read_text(encoding="utf-8")
    found = re.findall(r"```\n(.*?)```", text, re.S)
    lines = "\n".join(found).replace("\\\n", " ").splitlines()
    lines += re.findall(r"\| `(python -m .*?)` \|", text)
    return [shlex.split(line) for line in lines if line.strip()]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.environment, "install", lambda *given: None)
    monkeypatch.setattr(bench, "run", lambda *given: [(MACHINE, [ROW])])
    monkeypatch.setattr(ordinary.processor, "restrict", lambda *given: None)
    monkeypatch.setattr(ordinary, "prepare", lambda *given: None)
    monkeypatch.setattr(ordinary, "race", lambda *given: [ROW])
    monkeypatch.setattr(Guest, "install", lambda *given: None)
    monkeypatch.setattr(Guest, "check", lambda home: None)
    monkeypatch.setattr(counted, "locate", lambda name, work: bench.Path(name))
    monkeypatch.setattr(counted, "rows", lambda *given: [ROW])
    monkeypatch.setattr(Checkout, "check", lambda home: None)
    monkeypatch.setattr(Checkout, "version", lambda home: "v1")
    monkeypatch.setattr(recount, "rows", lambda *given: [LAYER])
    monkeypatch.setattr(recount, "_compiler", lambda: "gcc")
    copies = tuple(
        Path(shutil.copy(file, tmp_path / str(i))) for i, file in enumerate(tables.FILES)
    )
    monkeypatch.setattr(tables, "FILES", copies)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_page_runs(words: list[str], played: None, model_file: Path) -> None:
    mains = {one.MODULE: one.main for one in (bench, counted, ordinary, recount)}
    match words:
        case ["git", "clone", address]:
            assert address == "https://github.com/ARM-software/CMSIS-NN"
        case ["python", "-m", "pytest", *rest]:
            given = [
                str(model_file) if word in ("FILE", "model.int8.onnx") else word for word in rest
            ]
            command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *given]
            # A worker of xdist would switch benchmarks off in its child too.
            own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
            assert subprocess.run(command, cwd=ROOT, env=own, check=False).returncode == 0
        case ["python", "-m", "tests.bench.peers.tables"]:
            assert tables.main() == 0
        case ["python", "-m", "tests.bench.peers.counted"]:
            with pytest.raises(SystemExit):  # it asks for networks
                counted.main([])
        case ["python", "-m", module, *rest]:
            assert mains[module](rest) == 0
        case _:
            pytest.fail(f"no way to run {' '.join(words)}")
