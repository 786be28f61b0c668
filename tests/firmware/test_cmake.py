"""The CMake package: an image built by it runs, and an absent model is named."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, board, tools

from ..compile.machines import require_board
from .conftest import need

LISTS = """
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES C)
find_package(pocketvision CONFIG REQUIRED PATHS "{firmware}" NO_DEFAULT_PATH)
pocketvision_add_model({model} "{folder}" {core})
add_executable(app.elf "{firmware}/embed.c")
target_compile_definitions(app.elf PRIVATE
  MODEL_H="tiny-one.h" MODEL=tiny_one_model PREFIX=TINY_ONE)
target_compile_options(app.elf PRIVATE -Wall -Wextra -Werror)
target_link_libraries(app.elf PRIVATE
  pocketvision::{model} pocketvision::core pocketvision::{machine})
"""


def configure(where: Path, core: str, **values: object) -> subprocess.CompletedProcess:
    """Writes a project of one image, and configures it."""
    need("cmake", "cmake")
    need("make", "make")
    firmware = tools.firmware_directory()
    text = LISTS.format(firmware=firmware, core=core, machine=board.MACHINES[core], **values)
    (where / "CMakeLists.txt").write_text(text)
    return subprocess.run(
        ["cmake", "-S", str(where), "-B", str(where / "build"), "-G", "Unix Makefiles",
         f"-DCMAKE_TOOLCHAIN_FILE={firmware / 'arm-none-eabi.cmake'}",
         f"-DPOCKETVISION_CORE={core}", "-DCMAKE_BUILD_TYPE=Release"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_an_image_of_the_package_runs(core: str, library, tmp_path: Path) -> None:
    require_board()
    done = configure(tmp_path, core, model="tiny-one", folder=library(core))
    assert done.returncode == 0, done.stderr
    built = subprocess.run(
        ["cmake", "--build", str(tmp_path / "build")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "1 embedded, stack " in board.run(TARGETS[core], tmp_path / "build" / "app.elf")


def test_an_absent_model_is_named(tmp_path: Path) -> None:
    require_board()
    done = configure(tmp_path, "cortex-m7", model="absent", folder=tmp_path)
    assert done.returncode == 1
    words = " ".join(done.stderr.split())
    assert "absent.cortex-m7.a is absent; type pocketvision compile absent.int8.onnx" in words


def test_another_core_is_refused(tmp_path: Path) -> None:
    need("cmake", "cmake")
    firmware = tools.firmware_directory()
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES C)\n"
    )
    done = subprocess.run(
        ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build"), "-DPOCKETVISION_CORE=m9",
         f"-DCMAKE_TOOLCHAIN_FILE={firmware / 'arm-none-eabi.cmake'}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "POCKETVISION_CORE: expected cortex-m4" in done.stderr and "'m9'" in done.stderr
