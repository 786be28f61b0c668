"""The C runtime by itself: under sanitizers, on aarch64, and what its objects may contain."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "csrc" / "runtime").glob("*.c"))
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-Wpedantic",
         "-ffp-contract=off", f"-I{ROOT / 'csrc' / 'include'}"]  # fmt: skip


def build(cc: str, out: Path, *flags: str) -> Path:
    """The test program, linked with every file of the runtime."""
    test = ROOT / "tests" / "csrc" / "test_runtime.c"
    command = [cc, *FLAGS, *flags, str(test), *map(str, SOURCES), "-o", str(out), "-lm", "-ldl"]
    subprocess.run(command, check=True)
    return out


def test_under_sanitizers(tmp_path: Path, model_file: Path) -> None:
    program = build("cc", tmp_path / "test", "-g", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", f"-ffile-prefix-map={ROOT}/=")  # fmt: skip
    result = subprocess.run(
        [program, model_file], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.qemu
def test_on_aarch64(tmp_path: Path, make_model: Any) -> None:
    program = build("aarch64-linux-gnu-gcc", tmp_path / "test", f"-ffile-prefix-map={ROOT}/=")
    model = make_model(cc="aarch64-linux-gnu-gcc", name="cross")
    result = subprocess.run(
        ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", program, model],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_allocation_and_no_mutable_state(tmp_path: Path, source: Path) -> None:
    if shutil.which("nm") is None:
        pytest.skip("binutils are not installed")
    subprocess.run(["cc", *FLAGS, "-c", str(source), "-o", tmp_path / "part.o"], check=True)
    listing = subprocess.run(
        ["nm", tmp_path / "part.o"], capture_output=True, text=True, check=True
    ).stdout
    symbols = [line.split()[-2:] for line in listing.splitlines()]
    assert symbols
    assert not [name for kind, name in symbols if kind in "bBDCsS"], "mutable static state"
    forbidden = {"malloc", "calloc", "realloc", "free", "aligned_alloc"}
    assert not forbidden & {name for kind, name in symbols if kind == "U"}
