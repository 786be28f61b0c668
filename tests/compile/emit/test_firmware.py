"""The files for firmware: reproducible, one symbol, nothing writable, a header that checks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import pocketvision.compile
from pocketvision.compile import FAMILIES, TARGETS, CompileError, pipeline
from pocketvision.compile.emit import firmware, sources
from pocketvision.compile.graph import Graph

from ..graphs import Builder
from ..test_pipeline import network
from .test_library import RECORD

CORES = FAMILIES["cortex-m"]
on_every_core = pytest.mark.parametrize("core", CORES)

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None,
    reason="arm-none-eabi-gcc is absent; apt-get install gcc-arm-none-eabi",
)


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Operators that need the constants, a border and every sort of rounding."""
    build = Builder(1, (9, 8, 3), zero=-7)
    x = build.conv("input", 16, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    y = build.depthwise(x, pads=(1, 1, 1, 1), like=x)
    x = build.pool(build.add(x, build.rescale(y)), "average", (9, 8), zero=5)
    return replace(build.graph(x), name="7-tiny.v1", record=RECORD, sha256="5a" * 32)


@pytest.fixture(scope="module")
def made(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pipeline.Compiled]:
    """The graph compiled for every core."""
    folder = tmp_path_factory.mktemp("made")
    return {
        core: pipeline.compile_graph(graph, TARGETS[core], folder / core / f"7-tiny.v1.{core}.a")
        for core in CORES
    }


@on_every_core
def test_the_same_input_gives_the_same_bytes(
    core: str, graph: Graph, made: dict, tmp_path: Path
) -> None:
    path = tmp_path / "a longer folder" / made[core].path.name
    again = pipeline.compile_graph(graph, TARGETS[core], path)
    assert [file.name for file in again.files] == [file.name for file in made[core].files]
    for one, other in zip(again.files, made[core].files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
        assert str(tmp_path).encode() not in one.read_bytes()


@on_every_core
def test_one_symbol_and_nothing_writable(core: str, made: dict, tmp_path: Path) -> None:
    library = str(made[core].path)
    listing = firmware.tool(TARGETS[core], "nm", tmp_path, "-g", library).splitlines()
    rows = [line.split() for line in listing if line and not line.endswith(":")]
    assert [row[-1] for row in rows if row[-2] != "U"] == ["m_7_tiny_v1_model"]
    assert {row[-1] for row in rows if row[-2] == "U"} <= {"memcpy", "memset"}
    # Number, name, size and addresses of a section, and its flags.
    sections = firmware.tool(TARGETS[core], "objdump", tmp_path, "-hw", library)
    rows = [line.split() for line in sections.splitlines() if re.match(r" *\d+ \.", line)]
    assert {row[1] for row in rows} >= {".text", ".rodata"}
    for row in rows:
        assert int(row[2], 16) == 0 or "ALLOC," not in row or "READONLY," in row, row


@on_every_core
def test_the_description_says_what_there_is(core: str, made: dict, graph: Graph) -> None:
    done = made[core]
    text = json.loads(done.files[2].read_text())
    assert text["model"] == "7-tiny.v1" and text["target"] == core
    assert text["source_sha256"] == graph.sha256 and text["record"] == json.loads(RECORD)
    assert text["files"] == [done.files[0].name, "7-tiny.v1.h"]
    assert text["symbol"] == "m_7_tiny_v1_model"
    assert [t["shape"] for t in text["inputs"]] == [[9, 8, 3]]
    assert [t["shape"] for t in text["outputs"]] == [[1, 1, 16]]
    sizes = text["bytes"]
    assert sizes["arena"] == done.plan.bytes and sizes["input"] == 216 and sizes["output"] == 16
    assert sizes["constants"] < sizes["flash"] < done.path.stat().st_size
    header = done.files[1].read_text()
    for name in ("arena", "input", "output", "flash"):
        assert f"#define M_7_TINY_V1_{name.upper()}_BYTES {sizes[name]}\n" in header


def syntax(core: str, header: Path, text: str, *options: str, flags_of: str = "") -> str:
    """What the compiler says of a caller in C, or in C++ with ``-xc++``."""
    done = subprocess.run(
        ["arm-none-eabi-gcc", *TARGETS[flags_of or core].options, "-Wall", "-Wextra", "-Werror",
         "-pedantic", "-ffreestanding", "-fsyntax-only", f"-I{sources.include_directory()}",
         f"-I{header.parent}", "-xc", *options, "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


CALLER = """
#include "7-tiny.v1.h"
static unsigned char arena[M_7_TINY_V1_ARENA_BYTES], in[M_7_TINY_V1_INPUT_BYTES];
int call(void *out);
int call(void *out) {
  const void *const inputs[M_7_TINY_V1_INPUTS] = {in};
  void *const outputs[M_7_TINY_V1_OUTPUTS] = {out};
  return m_7_tiny_v1_model.run(inputs, outputs, arena);
}
"""


@on_every_core
def test_callers_in_c_and_c_plus_plus(core: str, made: dict) -> None:
    header = made[core].files[1]
    assert syntax(core, header, CALLER, "-std=c11") == ""
    assert syntax(core, header, CALLER, "-xc++", "-std=c++17") == ""


def test_too_little_ram_is_an_error_of_the_header(made: dict) -> None:
    done = made["cortex-m7"]
    header, arena = done.files[1], done.plan.bytes
    exact = f"-DM_7_TINY_V1_RAM_BYTES={arena}"
    assert syntax("cortex-m7", header, CALLER, "-std=c11", exact) == ""
    said = syntax("cortex-m7", header, CALLER, f"-DM_7_TINY_V1_RAM_BYTES={arena - 1}")
    assert f"7-tiny.v1 needs an arena of {arena} bytes, more than M_7_TINY_V1_RAM_BYTES" in said


def test_another_core_is_an_error_of_the_header(made: dict) -> None:
    header = made["cortex-m55"].files[1]
    said = syntax("cortex-m55", header, CALLER, flags_of="cortex-m4")
    assert "7-tiny.v1 was compiled for cortex-m55" in said and "-mcpu=cortex-m55" in said


def test_several_banks_are_named(graph: Graph, made: dict, tmp_path: Path) -> None:
    ram = (made["cortex-m7"].plan.bytes * 2 // 3, 4096)
    done = pipeline.compile_graph(graph, TARGETS["cortex-m7"], tmp_path / "m.a", ram)
    sizes = done.plan.sizes
    assert len(sizes) == 2 and sizes[0] <= ram[0] and sizes[1] <= ram[1]
    text = json.loads((tmp_path / "m.json").read_text())
    assert text["banks"] == list(sizes) and text["bytes"]["arena"] == sum(sizes)
    header = done.files[1].read_text()
    assert "#define M_7_TINY_V1_BANKS 2\n" in header
    assert f"#define M_7_TINY_V1_BANK1_BYTES {sizes[1]}\n" in header
    whole = pipeline.compile_graph(graph, TARGETS["cortex-m7"], tmp_path / "one.a", (1 << 20, 4096))
    assert whole.path.read_bytes() == made["cortex-m7"].path.read_bytes()


def test_banks_that_are_too_small_leave_nothing(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"^RAM: .* bytes are missing"):
        pipeline.compile_graph(graph, TARGETS["cortex-m7"], tmp_path / "out" / "m.a", (1024, 64))
    assert not (tmp_path / "out").exists()
    with pytest.raises(CompileError, match="x86-64-avx2: RAM banks are for firmware"):
        pipeline.compile_graph(graph, TARGETS["x86-64-avx2"], tmp_path / "m.so", (1 << 20,))


@pytest.mark.parametrize(
    "name, word",
    [("facechain-25m", "facechain_25m"), ("25m", "m_25m"), ("A b.C", "a_b_c"), ("", "m_")],
)
def test_names_become_identifiers(name: str, word: str) -> None:
    assert firmware.identifier(name) == word


def test_a_family_gets_a_folder_for_each_member(tmp_path: Path) -> None:
    out = tmp_path / "out"
    paths = pocketvision.compile.compile_file(network(tmp_path), "cortex-m", out)
    expected = []
    for core in CORES:
        expected += [out / core / n for n in (f"tiny.{core}.a", "tiny.h", f"tiny.{core}.json")]
    assert paths == expected
    assert all(path.is_file() for path in paths)


def test_a_failing_tool_leaves_nothing(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "arm-none-eabi-gcc"
    broken.parent.mkdir()
    broken.write_text('#!/bin/sh\nexec /usr/bin/env -S PATH=/usr/bin arm-none-eabi-gcc "$@"\n')
    broken.chmod(0o755)
    monkeypatch.setattr(firmware, "compiler", lambda target: str(broken))
    out = tmp_path / "out"
    with pytest.raises(CompileError, match="objcopy is absent; .*binutils-arm-none-eabi"):
        pipeline.compile_graph(graph, TARGETS["cortex-m4"], out / "m.a")
    assert not out.exists()
