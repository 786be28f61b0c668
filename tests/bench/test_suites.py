"""The suites: collected on request, one command for a model of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITES = "tests/bench/suites"


def suites(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    # A worker of xdist would switch benchmarks off in its child too.
    own = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_XDIST")}
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)


def test_a_model_of_ones_own_is_timed_in_one_command(model_file: Path) -> None:
    done = suites(SUITES, "--benchmark-only", "--benchmark-max-time=0.01", f"--model={model_file}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_pocketvision" in done.stdout and "1 passed, 1 skipped" in done.stdout


def test_an_onnx_file_is_compiled_and_timed_beside_onnxruntime() -> None:
    pytest.importorskip("tvm")
    file = ROOT / "training" / "weights" / "facechain-25m.int8.onnx"
    done = suites(SUITES, "--benchmark-only", "--benchmark-max-time=0.01", f"--model={file}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout and "test_onnxruntime_int8" in done.stdout


def test_without_the_option_nothing_is_collected_and_with_it_every_suite() -> None:
    assert "no tests" in suites("--collect-only", SUITES).stdout
    done = suites("--collect-only", SUITES, "--benchmark-only")
    assert done.returncode == 0, done.stdout
    for suite in (ROOT / SUITES).glob("bench_*.py"):
        assert suite.name in done.stdout


def test_a_missing_model_is_named() -> None:
    done = suites(SUITES, "--benchmark-only", "--model=nowhere.so")
    assert done.returncode != 0
    assert "--model: nowhere.so: no such file" in done.stdout + done.stderr
