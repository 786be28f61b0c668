"""Images that run a compiled model on an example board: all but the model is compiled once."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.emit.library import compiler
from pocketvision.compile.emit.sources import firmware_directory, include_directory
from pocketvision.compile.machines import board
from pocketvision.compile.targets import Target

RUNNER = Path(__file__).with_name("board_runner.c")


class Boards:
    """Links models with objects of ``RUNNER`` and start-up code, and starts QEMU."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects: dict[str, list[str]] = {}

    def run(self, library: Path, target: Target, source: str, result: str) -> None:
        """``library`` on the vectors of the file ``source`` in ``folder``, to ``result``.

        Raises:
            AssertionError: it does not link, or the image failed; names the library.
        """
        symbol = json.loads(library.with_suffix(".json").read_text())["symbol"]
        image = self.folder / f"{target.name}.elf"
        self._call(
            target, *self._parts(target), str(library), "-nostartfiles", "-Wl,--gc-sections",
            f"-Wl,-u,{symbol}", f"-Wl,--defsym=tested_model={symbol}", "-Wl,-z,noexecstack",
            f"-Wl,--defsym=STACK_BYTES={board.STACK}", f"-L{firmware_directory() / 'boards'}",
            "-T", f"{board.MACHINES[target.name]}.ld", "-o", str(image),
        )  # fmt: skip
        try:
            board.run(target, image, (source, result), limit=3600)
        except CompileError as error:
            raise AssertionError(f"{library.name}: {error}") from None

    def _parts(self, target: Target) -> list[str]:
        if target.name not in self._objects:
            folder = self.folder / f"board-{target.name}"
            folder.mkdir()
            headers = (include_directory(), firmware_directory())
            support = (firmware_directory() / name for name in board.SUPPORT)
            self._call(
                target, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffunction-sections",
                *(f"-I{path}" for path in headers), "-c", str(RUNNER), *map(str, support),
                work=folder,
            )  # fmt: skip
            self._objects[target.name] = sorted(map(str, folder.glob("*.o")))
        return self._objects[target.name]

    def _call(self, target: Target, *arguments: str, work: Path | None = None) -> None:
        command = [compiler(target), *target.options, *arguments]
        done = subprocess.run(command, cwd=work or self.folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{target.name}: {done.stderr.strip()}"


def require_board() -> None:
    """Skips the calling test where no image for a Cortex-M can be built and run."""
    for tool, package in (
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("qemu-system-arm", "qemu-system-arm"),
    ):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is absent; apt-get install {package}")
