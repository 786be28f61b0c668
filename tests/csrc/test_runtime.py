"""The C runtime by itself: under sanitizers, on aarch64, and what its objects may contain."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "csrc" / "runtime").rglob("*.c"))
PROGRAMS = ["test_runtime", "test_pool", "test_embed", "test_identify", "test_nearest",
            "test_quality"]  # fmt: skip
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-Wpedantic",
         "-ffp-contract=off", f"-I{ROOT / 'csrc' / 'include'}"]  # fmt: skip


Build = Callable[..., Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``build(cc, PROGRAM, out, *flags)``: a test program, linked with every file of the runtime.

    The runtime is the same in every program: its objects are made once for each set of flags.
    """
    made: dict[tuple[str, ...], list[str]] = {}

    def link(cc: str, program: str, out: Path, *flags: str) -> Path:
        command = (cc, *FLAGS, f"-ffile-prefix-map={ROOT}/=", *flags)
        if command not in made:
            folder = tmp_path_factory.mktemp("runtime")
            subprocess.run([*command, "-c", *map(str, SOURCES)], cwd=folder, check=True)
            objects = sorted(map(str, folder.glob("*.o")))
            assert len(objects) == len(SOURCES)
            made[command] = objects
        test = ROOT / "tests" / "csrc" / f"{program}.c"
        libraries = ("-lm", "-ldl", "-pthread")
        subprocess.run(
            [*command, str(test), *made[command], "-o", str(out), *libraries], check=True
        )
        return out

    return link


def expect_silence(command: list[Any]) -> None:
    """The program exits with 0 and prints no failure."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("program", "sanitizers"),
    [
        *itertools.product(PROGRAMS, ["address,undefined", "thread"]),
        ("test_fork", "address,undefined"),
    ],
)
def test_under_sanitizers(
    build: Build, tmp_path: Path, model_file: Path, program: str, sanitizers: str
) -> None:
    path = build("cc", program, tmp_path / "test", "-g", f"-fsanitize={sanitizers}",
                 "-fno-sanitize-recover=all")  # fmt: skip
    expect_silence([path, model_file])


@pytest.mark.qemu
@pytest.mark.parametrize("program", PROGRAMS)
def test_on_aarch64(build: Build, tmp_path: Path, make_model: Any, program: str) -> None:
    path = build("aarch64-linux-gnu-gcc", program, tmp_path / "test")
    model = make_model(cc="aarch64-linux-gnu-gcc", name="cross")
    expect_silence(["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", path, model])


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
