"""Counting: known loops to the instruction, twice the same, and a remedy for what is absent."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.emit import library, sources
from pocketvision.compile.lower import lower
from pocketvision.compile.machines import measure
from pocketvision.compile.machines.instructions import MARKS, Region, count
from pocketvision.compile.targets import ARCH_X86_64

from ..graphs import Builder

LOOP = """
#include <stamp.h>
void _start(void) {
  PV_STAMP(0, 0);
  __asm__ volatile("mov x0, #1000\\n1: subs x0, x0, #1\\n\\tb.ne 1b" ::: "x0", "cc");
  PV_STAMP(0, 1);
  PV_STAMP(0, 2);
  __asm__ volatile("mov x0, %0\\n\\tmov x8, #93\\n\\tsvc #0" ::"i"(STATUS) : "x0", "x8");
}
"""

THUMB = """
  .syntax unified
  .thumb
  .word 0x20001000
  .word start + 1
  .space 56
start:
  .byte {mark}
  movw r0, #1000
1:
  subs r0, r0, #1
  bne 1b
  .byte {mark}
  .org 0x3fa
  .byte {mark}
  movw r0, #0x18  @ QEMU reads its first half together with the mark: it crosses a page
  ldr r1, =0x20026
  bkpt 0xab
  b .
"""


def loop(folder: Path, status: int = 0) -> Path:
    """A static aarch64 program: 2001 instructions, then none, between its three marks."""
    if shutil.which("aarch64-linux-gnu-gcc") is None:
        pytest.skip("aarch64-linux-gnu-gcc is absent; apt-get install gcc-aarch64-linux-gnu")
    (folder / "loop.c").write_text(LOOP)
    path = folder / f"loop-{status}"
    subprocess.run(
        ["aarch64-linux-gnu-gcc", "-O1", "-static", "-nostdlib", "-DPV_MARK", f"-DSTATUS={status}",
         f"-I{sources.tools_directory()}", str(folder / "loop.c"), "-o", str(path)],
        check=True,
    )  # fmt: skip
    return path


@pytest.mark.qemu
def test_a_loop_is_counted_to_the_instruction(tmp_path: Path) -> None:
    folder = tmp_path / "a, b"  # QEMU separates a plugin's arguments by commas
    folder.mkdir()
    program = [str(loop(folder))]
    assert count(["qemu-aarch64"], program, MARKS["aarch64"]) == [Region(2001), Region(0)]
    first, second = count(["qemu-aarch64"], program, MARKS["aarch64"], histogram=True)
    assert first.executed == 2001 and second == Region(0)
    found = sorted(first.instructions, key=lambda i: i.address)
    assert [i.executed for i in found] == [1, 1000, 1000]
    assert found[1].code == bytes.fromhex("000400f1")  # subs x0, x0, #1
    assert [i.address - found[0].address for i in found] == [0, 4, 8]


def test_a_loop_on_a_cortex_m(tmp_path: Path) -> None:
    for tool, package in (
        ("arm-none-eabi-as", "binutils-arm-none-eabi"),
        ("qemu-system-arm", "qemu-system-arm"),
    ):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is absent; apt-get install {package}")
    mark = ", ".join(map(str, MARKS["thumb"]))
    (tmp_path / "loop.s").write_text(THUMB.format(mark=mark))
    subprocess.run(
        ["arm-none-eabi-as", "-mcpu=cortex-m4", "loop.s", "-o", "loop.o"], cwd=tmp_path, check=True
    )
    subprocess.run(
        ["arm-none-eabi-ld", "-Ttext=0", "-e", "start", "loop.o", "-o", "loop"],
        cwd=tmp_path, check=True,
    )  # fmt: skip
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-monitor", "none",
               "-serial", "none", "-semihosting-config", "enable=on,target=native"]  # fmt: skip
    found = count(machine, ["-kernel", str(tmp_path / "loop")], MARKS["thumb"], histogram=True)
    nops = (0x3FA - 0x50) // 2
    assert [region.executed for region in found] == [2001, nops]
    assert sorted(i.executed for i in found[0].instructions) == [1, 1000, 1000]
    assert {len(i.code) for region in found for i in region.instructions} == {2, 4}


def test_the_marks_are_those_of_the_header() -> None:
    header = (sources.tools_directory() / "stamp.h").read_text()
    (aarch64,) = re.findall(r"\.inst 0x([0-9a-f]{8})", header)
    (thumb,) = re.findall(r"\.inst\.w 0x([0-9a-f]{8})", header)
    assert bytes.fromhex(aarch64)[::-1] == MARKS["aarch64"]
    high, low = bytes.fromhex(thumb[:4]), bytes.fromhex(thumb[4:])
    assert high[::-1] + low[::-1] == MARKS["thumb"]


def program(target: str) -> lower.Program:
    """A few operators for ``target``."""
    build = Builder(5, (8, 8, 3), tame=True)
    x = build.conv("input", 16, (3, 3), pads=(1, 1, 1, 1))
    graph = build.graph(build.pool(build.depthwise(x, pads=(1, 1, 1, 1)), "average", (8, 8)))
    return lower.lower(graph, pipeline.instruction_set(TARGETS[target]))


MAIN = """
#include <stamp.h>
#include <pocketvision/model.h>
extern const pv_model pocketvision_model;
static _Alignas(64) char in[192], out[16], arena[ARENA];
int main(void) {
  const void *const inputs[] = {in};
  void *const outputs[] = {out};
  PV_STAMP(0, 0);
  pocketvision_model.run(inputs, outputs, arena);
  PV_STAMP(0, 1);
}
"""


@pytest.mark.qemu
def test_calls_add_up_to_the_whole_run(tmp_path: Path) -> None:
    target = TARGETS["aarch64-dotprod"]
    lowered = program(target.name)
    regions = measure.counted(lowered, target, histogram=True)
    assert len(regions) == len(lowered.calls)
    assert regions == measure.counted(lowered, target, histogram=True)
    for region in regions:
        assert region.executed == sum(i.executed for i in region.instructions) > 0
    memory = library.write_parts(lowered, target, tmp_path)
    (tmp_path / "main.c").write_text(MAIN)
    options = ["-static", "-DPV_MARK", f"-DARENA={memory.bytes}",
               f"-I{sources.tools_directory()}", "main.c"]  # fmt: skip
    library.link(target, tmp_path, options, "whole")
    (whole,) = count(["qemu-aarch64"], [str(tmp_path / "whole")], MARKS["aarch64"])
    # The rest is entry and exit of the function: registers saved, and the call of it.
    assert 0 < whole.executed - sum(region.executed for region in regions) < 40


@pytest.mark.parametrize("name", [n for n, t in TARGETS.items() if t.arch == ARCH_X86_64])
def test_x86_is_not_counted(name: str) -> None:
    with pytest.raises(CompileError, match=f"{name}: .*instructions are counted on ARM"):
        measure.counted(program(name), TARGETS[name])


def test_an_absent_qemu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    static = {"qemu-aarch64-static": "/usr/bin/qemu-aarch64-static"}
    monkeypatch.setattr(shutil, "which", static.get)
    with pytest.raises(CompileError, match=r"qemu-aarch64 is absent; .*apt-get install qemu-user$"):
        measure.counted(program("aarch64-neon"), TARGETS["aarch64-neon"])


def test_an_absent_cross_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = program("aarch64-neon")
    monkeypatch.setattr(shutil, "which", {"qemu-aarch64": "/usr/bin/qemu-aarch64"}.get)
    with pytest.raises(CompileError, match="apt-get install gcc-aarch64-linux-gnu"):
        measure.counted(lowered, TARGETS["aarch64-neon"])


def test_a_qemu_without_plugins_is_an_error(tmp_path: Path) -> None:
    qemu = tmp_path / "qemu"
    qemu.write_text("#!/bin/sh\necho \"qemu: unknown option 'plugin'\" >&2\nexit 1\n")
    qemu.chmod(0o755)
    with pytest.raises(CompileError, match="does not take the plugin: .*unknown option.*QEMU 6"):
        count([str(qemu)], ["program"], MARKS["aarch64"])


@pytest.mark.qemu
def test_a_failing_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="loop-3 ended with 3 in QEMU"):
        count(["qemu-aarch64"], [str(loop(tmp_path, status=3))], MARKS["aarch64"])


@pytest.mark.qemu
def test_a_wrong_argument_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="icount: bad argument mark="):
        count(["qemu-aarch64"], [str(loop(tmp_path))], b"")
