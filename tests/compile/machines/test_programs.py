"""C sources built on demand: once, whole or not at all, and errors that say what to do."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.machines import programs

OPTIONS = ("-shared", "-fPIC")
NO_X86 = platform.machine() != "x86_64"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler; apt-get install gcc")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pocketvision"


def test_a_tool_is_built_once(folder: Path) -> None:
    path = programs.built("icount.c", OPTIONS)
    assert path.parent == folder and path.read_bytes()[:4] == b"\x7fELF"
    before = path.stat().st_mtime_ns
    assert programs.built("icount.c", OPTIONS) == path and path.stat().st_mtime_ns == before
    other = programs.built("icount.c", (*OPTIONS, "-g"))
    assert sorted(folder.iterdir()) == sorted([path, other])


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("icount.c", OPTIONS),
        ("peak.c", ()),
        pytest.param("cpuid.c", OPTIONS, marks=pytest.mark.skipif(NO_X86, reason="not an x86")),
    ],
)
def test_tools_are_clean_c(folder: Path, source: str, options: tuple[str, ...]) -> None:
    strict = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
    programs.built(source, (*options, *strict))


def test_a_tool_for_another_machine(folder: Path) -> None:
    compiler, package = "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is absent; apt-get install {package}")
    machine = programs.built("mark.c", OPTIONS, (compiler,), package).read_bytes()[18]
    assert machine == 183  # EM_AARCH64


def test_a_failing_compiler_leaves_nothing(folder: Path) -> None:
    with pytest.raises(CompileError, match="building peak.c: .*failed"):
        programs.built("peak.c", ("-include", "absent.h"))
    assert not folder.exists()


def test_a_cache_that_cannot_be_written(folder: Path) -> None:
    folder.parent.write_text("no folder")
    with pytest.raises(CompileError, match="set XDG_CACHE_HOME to a folder that can be written"):
        programs.built("icount.c", OPTIONS)


def test_an_absent_compiler_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CompileError, match="building icount.c: cc is absent; .*install gcc$"):
        programs.built("icount.c", OPTIONS)
