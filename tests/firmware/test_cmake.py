"""The CMake package: an image built by it runs, and an absent model is named."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.emit import sources
from pocketvision.compile.graph import Graph
from pocketvision.compile.machines import board
from pocketvision.faces.template import ARCFACE_TEMPLATE

from ..compile.runners import require_board
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


def configure(
    where: Path, core: str, lists: str = LISTS, **values: object
) -> subprocess.CompletedProcess:
    """Writes a project of one image, and configures it."""
    need("cmake", "cmake")
    need("make", "make")
    firmware = sources.firmware_directory()
    text = lists.format(firmware=firmware, core=core, machine=board.MACHINES[core], **values)
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


IDENTIFY = (
    LISTS.replace(
        '"{firmware}/embed.c"',
        " ".join(f'"{{firmware}}/{part}.c"' for part in ("identify", "facelist", "files")),
    )
    .replace("PREFIX=", "RECIPE=tiny_one_recipe PREFIX=")
    .replace("::core", "::identity")
)
"""The same image around the other example."""


def test_the_road_from_a_frame_is_in_the_package(tiny_graph: Graph, tmp_path: Path) -> None:
    require_board()
    preprocess = {"size": [9, 8], "colour": "BGR", "mean": [0, 0, 0], "std": [255, 255, 255],
                  "template": [[x / 14, y / 12.5] for x, y in ARCFACE_TEMPLATE]}  # fmt: skip
    threshold = {"threshold": -1, "far": 0.001, "dataset": "none", "protocol": "none"}
    record = json.dumps({"preprocess": preprocess, "thresholds": [threshold]})
    graph = replace(tiny_graph, record=record, sha256="5a" * 32)
    pipeline.compile_graph(graph, TARGETS["cortex-m4"], tmp_path / "tiny-one.cortex-m4.a")
    done = configure(tmp_path, "cortex-m4", IDENTIFY, model="tiny-one", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    built = subprocess.run(
        ["cmake", "--build", str(tmp_path / "build")], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    face = "frame.raw grey8 2 2 2 0 0 1 0 .5 .5 0 1 1 1\n"
    (tmp_path / "build" / "frame.raw").write_bytes(bytes([10, 250, 60, 200]))
    (tmp_path / "build" / "faces.txt").write_text(f"identify {face}enrol somebody {face}")
    said = board.run(TARGETS["cortex-m4"], tmp_path / "build" / "app.elf", ["faces.txt"])
    assert "frame.raw: nobody is enrolled\nframe.raw: enrolled as somebody\n1 enrolled" in said


def test_an_absent_model_is_named(tmp_path: Path) -> None:
    require_board()
    done = configure(tmp_path, "cortex-m7", model="absent", folder=tmp_path)
    assert done.returncode == 1
    words = " ".join(done.stderr.split())
    assert "absent.cortex-m7.a is absent; type pocketvision compile absent.int8.onnx" in words


def test_another_core_is_refused(tmp_path: Path) -> None:
    need("cmake", "cmake")
    firmware = sources.firmware_directory()
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES C)\n"
    )
    done = subprocess.run(
        ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build"), "-DPOCKETVISION_CORE=m9",
         f"-DCMAKE_TOOLCHAIN_FILE={firmware / 'arm-none-eabi.cmake'}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "POCKETVISION_CORE: expected cortex-m4" in done.stderr and "'m9'" in done.stderr
