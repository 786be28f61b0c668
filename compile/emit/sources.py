"""Where the C sources and headers beside the compiler are."""

from __future__ import annotations

from pathlib import Path

from ..errors import CompileError

HEADER = "pocketvision/model.h"


STAMP = "stamp.h"


def include_directory() -> Path:
    """Folder of the C headers."""
    return _folder("include", HEADER)


def tools_directory() -> Path:
    """Folder of the C sources that reports compile on demand."""
    return _folder("tools", STAMP)


def kernels_directory() -> Path:
    """Folder of the assembly routines that kernels call."""
    return _folder("kernels", "dsp_tile.S")


def firmware_directory() -> Path:
    """Folder of the C sources and linker scripts of firmware for the example boards."""
    return _folder("firmware", "start.c")


def _folder(name: str, file: str) -> Path:
    folder = Path(__file__).resolve().parents[2] / "csrc" / name
    if (folder / file).exists():
        return folder
    raise CompileError(f"the C file {file} is missing from the installation; reinstall it")
