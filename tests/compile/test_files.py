"""What the compiler writes: nothing half, an error that names what is full, no ended process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pocketvision.compile import CompileError, compile_file
from pocketvision.compile.files import workspace
from pocketvision.runtime.shipped import host_targets

from .test_pipeline import network

HOST = host_targets()[-1]


def fill(folder: Path) -> None:
    """Leaves no room on the file system of ``folder``, which has little."""
    with (folder / "filler").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_folder_of_intermediate_files_is_an_error(
    tmp_path: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out = network(tmp_path), tmp_path / "out"
    fill(full_disk)
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    with pytest.raises(CompileError, match=f"^{full_disk}: No space left on device.*set TMPDIR"):
        compile_file(model, HOST, out)  # LLVM would have ended this process
    assert os.listdir(full_disk) == ["filler"] and not out.exists()


def test_a_full_disk_names_the_library(tmp_path: Path, full_disk: Path) -> None:
    model = network(tmp_path)
    fill(full_disk)
    with pytest.raises(OSError) as raised:
        compile_file(model, HOST, full_disk)
    assert raised.value.filename == str(full_disk / f"{model.name.partition('.')[0]}.{HOST}.so")
    assert os.listdir(full_disk) == ["filler"]


def test_other_errors_pass_a_workspace() -> None:
    with pytest.raises(FileNotFoundError), workspace() as work:
        (work / "none").read_bytes()
    assert not work.exists()
