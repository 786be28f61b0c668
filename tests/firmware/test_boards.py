"""Models on the four example boards: the reference's bytes, two at once, the right core, faults."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.arithmetic.reference import run as reference_run
from pocketvision.compile.emit import sources
from pocketvision.compile.graph import Graph
from pocketvision.compile.machines import board

from .conftest import CORES, Start, need, support, tiny


def example(folder: Path, core: str, out: Path, *words: str) -> subprocess.CompletedProcess:
    """``make`` with the example's Makefile on the tiny model in ``folder``."""
    need("make", "make")
    # QEMU lets programs speak on its error stream.
    return subprocess.run(
        ["make", "--no-print-directory", "-f", str(sources.firmware_directory() / "Makefile"),
         f"MODEL={folder}/tiny-one", f"TARGET={core}", f"OUT={out}", *words],
        cwd=out, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def test_the_example_gives_the_bytes_of_the_reference(
    core: str, library, vectors: tuple, tmp_path: Path
) -> None:
    x, expected = vectors
    (tmp_path / "faces.bin").write_bytes(x.tobytes())
    done = example(
        library(core), core, tmp_path, "INPUTS=faces.bin", "OUTPUTS=embeddings.bin", "run"
    )
    assert done.returncode == 0, done.stdout
    found = np.frombuffer((tmp_path / "embeddings.bin").read_bytes(), np.int8)
    assert np.array_equal(found.reshape(expected.shape), expected)
    said = re.search(r"5 embedded, stack (\d+) of (\d+) bytes, arena (\d+)\n", done.stdout)
    assert said, done.stdout
    assert 100 < int(said[1]) < int(said[2]) == 8192 - 32


def test_without_a_file_zeros_are_embedded(
    core: str, library, tiny_graph: Graph, tmp_path: Path
) -> None:
    done = example(library(core), core, tmp_path, "run")
    assert done.returncode == 0, done.stdout
    expected = reference_run(tiny_graph, np.zeros((1, 9, 8, 3), np.int8)).ravel().tolist()
    assert " " + " ".join(map(str, expected)) + "\n" in done.stdout


def test_vectors_in_flash(library, vectors: tuple, tmp_path: Path) -> None:
    x, expected = vectors
    (tmp_path / "faces.bin").write_bytes(x.tobytes())
    done = example(library("cortex-m33"), "cortex-m33", tmp_path, "VECTORS=faces.bin", "run")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()[-6:]
    assert [[int(word) for word in line.split()] for line in lines[:5]] == [
        row.ravel().tolist() for row in expected
    ]
    assert lines[5].startswith("5 embedded, stack ")


def test_an_absent_file_is_said(library, tmp_path: Path) -> None:
    words = ("INPUTS=absent.bin", "OUTPUTS=embeddings.bin", "run")
    done = example(library("cortex-m7"), "cortex-m7", tmp_path, *words)
    assert done.returncode == 2
    assert "inputs absent.bin: the file cannot be read" in done.stdout


def test_an_output_that_cannot_be_written_is_said(library, tmp_path: Path) -> None:
    (tmp_path / "faces.bin").write_bytes(bytes(9 * 8 * 3))
    words = ("INPUTS=faces.bin", "OUTPUTS=no/such/folder", "run")
    done = example(library("cortex-m7"), "cortex-m7", tmp_path, *words)
    assert done.returncode == 2
    assert "outputs no/such/folder: the file cannot be written" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("MODEL=absent/one",), "one.cortex-m7.a is absent; type pocketvision compile one.int8.onnx"
         " --target cortex-m7 --out absent"),
        (("INPUTS=faces.bin", "run"), "INPUTS=FILE and OUTPUTS=FILE go together"),
        (("OUTPUTS=faces.bin", "run"), "INPUTS=FILE and OUTPUTS=FILE go together"),
    ],
)  # fmt: skip
def test_what_make_lacks_is_said(words: tuple, said: str, library, tmp_path: Path) -> None:
    done = example(library("cortex-m7"), "cortex-m7", tmp_path, *words)
    assert done.returncode == 2 and said in done.stdout


def test_the_folder_of_the_image_is_made_and_defines_count(library, tmp_path: Path) -> None:
    for stack in (4096, 8192):
        words = ("OUT=a/b", f"DEFINES=-DUNUSED={stack}", f"STACK={stack}", "run")
        done = example(library("cortex-m7"), "cortex-m7", tmp_path, *words)
        assert done.returncode == 0 and f"-DUNUSED={stack} " in done.stdout
        assert f" of {stack - 32} bytes" in done.stdout


def test_a_name_without_a_board_is_refused(library, tmp_path: Path) -> None:
    done = example(library("cortex-m7"), "cortex-m9", tmp_path)
    assert done.returncode == 2 and "no example board; choose cortex-m4" in done.stdout


TWO = """
#include "board.h"
#include "tiny-one.h"
#include "tiny-two.h"
#include <pocketvision/session.h>
#include "expected.h"
alignas(64) static unsigned char arena[4][16384];
static bool same(const pv_model *model, int index, const signed char *x, const signed char *y) {
  signed char out[16];
  pv_session session;
  return pv_session_init(&session, model, arena[index], sizeof arena[index]) == PV_OK &&
         pv_session_run_one(&session, x, out) == PV_OK && __builtin_memcmp(out, y, sizeof out) == 0;
}
struct Started { int value; Started() : value(41) {} };
static Started started;
int main() {
  return !(same(&tiny_one_model, 0, x, one) && same(&tiny_two_model, 1, x, two) &&
           same(&tiny_one_model, 2, x, one) && started.value == 41);
}
"""


def test_two_models_in_one_image_of_a_c_plus_plus_caller(
    core: str, library, tiny_graph: Graph, vectors: tuple, tmp_path: Path, start: Start
) -> None:
    other = tiny(8, "tiny-two")
    second = pipeline.compile_graph(other, TARGETS[core], tmp_path / f"tiny-two.{core}.a").path
    x = vectors[0][:1]
    arrays = {"x": x, "one": vectors[1][:1], "two": reference_run(other, x)}
    (tmp_path / "expected.h").write_text(
        "".join(
            f"static const signed char {name}[] = {{{', '.join(map(str, values.ravel()))}}};\n"
            for name, values in arrays.items()
        )
    )
    folder = library(core)
    subprocess.run(
        ["arm-none-eabi-gcc", *TARGETS[core].options, "-std=c++17", "-O2", "-fno-exceptions",
         "-fno-rtti", "-fno-threadsafe-statics", "-Wall", "-Wextra", "-Werror",
         f"-I{sources.include_directory()}", f"-I{sources.firmware_directory()}", f"-I{folder}",
         f"-I{tmp_path}", "-xc++", "-", "-c", "-o", str(tmp_path / "two.o")],
        input=TWO, text=True, check=True,
    )  # fmt: skip
    parts = (str(tmp_path / "two.o"), str(folder / f"tiny-one.{core}.a"), str(second))
    done = start(core, "typedef int unused;\n", parts=parts)
    assert done.returncode == 0, done.stdout + done.stderr


BANKS = """
#include "board.h"
#include "tiny-one.h"
#include "expected.h"
#include <pocketvision/core.h>
#include <pocketvision/session.h>
enum { GUARD = 64 };
#define BANK(number)                                                                  \\
  static struct {                                                                     \\
    _Alignas(64) uint8_t memory[TINY_ONE_BANK##number##_BYTES], after[GUARD];         \\
  } bank##number
BANK(0);
BANK(1);
int main(void) {
  void *const banks[TINY_ONE_BANKS] = {bank0.memory, bank1.memory};
  signed char out[TINY_ONE_OUTPUT_BYTES];
  pv_session session;
  if (pv_check(&tiny_one_model) != PV_OK) return 1;
  if (pv_session_init(&session, &tiny_one_model, bank0.memory, TINY_ONE_ARENA_BYTES) !=
      PV_ERR_ARENA) return 2;
  if (pv_session_init_banks(&session, &tiny_one_model, banks, TINY_ONE_BANKS) != PV_OK) return 3;
  if (pv_session_run_one(&session, x, out) != PV_OK) return 4;
  for (unsigned i = 0; i < sizeof out; i++)
    if (out[i] != y[i]) return 5;
  for (int i = 0; i < GUARD; i++)
    if (bank0.after[i] || bank1.after[i]) return 6;
  return 0;
}
"""


def test_an_arena_in_two_banks(
    core: str, tiny_graph: Graph, vectors: tuple, tmp_path: Path, start: Start
) -> None:
    target = TARGETS[core]
    path = tmp_path / f"tiny-one.{core}.a"
    whole = pipeline.compile_graph(tiny_graph, target, path).plan.bytes
    done = pipeline.compile_graph(tiny_graph, target, path, (whole - 256, whole - 256))
    assert len(done.plan.sizes) == 2
    (tmp_path / "expected.h").write_text(
        "".join(
            f"static const signed char {name}[] = {{{', '.join(map(str, values[:1].ravel()))}}};\n"
            for name, values in zip("xy", vectors, strict=True)
        )
    )
    done = start(core, BANKS, f"-I{tmp_path}", parts=(str(path),))
    assert done.returncode == 0, done.stdout + done.stderr


CHECK = r"""
#include "board.h"
#include <pocketvision/core.h>
#define CPACR ((volatile uint32_t *)0xE000ED88)
#define FLOATS (UINT32_C(0xF) << 20)
extern const pv_model tiny_one_model;
int main(void) {
  pv_model other = tiny_one_model;
  board_print_hex(pv_core_features());
  if (pv_check(&tiny_one_model) != PV_OK) return 10 + pv_check(&tiny_one_model);
  other.abi_version++;
  if (pv_check(&other) != PV_ERR_ABI) return 1;
  other = tiny_one_model;
  other.arch = PV_ARCH_AARCH64;
  if (pv_check(&other) != PV_ERR_MACHINE) return 2;
  other = tiny_one_model;
  other.features |= 1u << 31;
  if (pv_check(&other) != PV_ERR_FEATURES) return 3;
  *CPACR &= ~FLOATS;
  const uint32_t without = pv_core_features();
  *CPACR |= FLOATS;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  return without == PV_FEATURE_DSP ? 0 : 4;
}
"""
PV_ERR_FEATURES = 11


def test_the_core_of_a_model_is_accepted(core: str, library, start: Start) -> None:
    done = start(core, CHECK, parts=(str(library(core) / f"tiny-one.{core}.a"),))
    assert done.returncode == 0, done.stdout + done.stderr
    found = int(done.stdout + done.stderr, 16)
    assert found & TARGETS[core].features == TARGETS[core].features
    mve = {name: bool(TARGETS[name].features & 1 << 19) for name in CORES}
    assert bool(found & 1 << 19) == mve[core]


@pytest.mark.parametrize("model, here", [("cortex-m7", "cortex-m4"), ("cortex-m55", "cortex-m33")])
def test_another_core_is_refused_at_the_start(model: str, here: str, library, start: Start) -> None:
    done = start(here, CHECK, parts=(str(library(model) / f"tiny-one.{model}.a"),))
    assert done.returncode == 10 + PV_ERR_FEATURES, done.stdout + done.stderr


FAULTS = {
    "bad address": ("*(volatile int *)0xf0000000 = 1;", "bus address 0xf0000000"),
    "code in ram": ("static unsigned char code[4] __attribute__((aligned(4)));"
                    "((void (*)(void))(code + 1))();", r"CFSR 0x1 "),
    "undefined": ('__asm__ volatile("udf #1");', "CFSR 0x10000 "),
    "stack": ("recurse(1);", "the stack is too small"),
}  # fmt: skip

FAULT = """
#include "board.h"
int recurse(volatile int n);
__attribute__((noinline)) int recurse(volatile int n) {{
  volatile int big[64];
  big[0] = n;
  return recurse(n + 1) + big[0];
}}
int main(void) {{ {body} return 0; }}
"""


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_reported(core: str, kind: str, start: Start) -> None:
    body, pattern = FAULTS[kind]
    done = start(core, FAULT.format(body=body), "-Wno-infinite-recursion")
    said = done.stdout + done.stderr
    assert done.returncode == 99, said
    assert said.startswith("fault: exception ")
    assert re.search(pattern, said), said


def test_too_small_a_ram_is_a_link_error(library, tmp_path: Path) -> None:
    """The board's script with less RAM, as an engineer would write it for a smaller part."""
    boards = tmp_path / "boards"
    boards.mkdir()
    text = (sources.firmware_directory() / "boards" / "mps2-an500.ld").read_text()
    (boards / "mps2-an500.ld").write_text(text.replace("LENGTH = 4M\n}", "LENGTH = 10K\n}"))
    folder = library("cortex-m7")
    options = (
        *('-DMODEL_H="tiny-one.h"', "-DMODEL=tiny_one_model", "-DPREFIX=TINY_ONE"),
        *(f"-I{folder}", f"-L{boards}"),
    )
    main = [sources.firmware_directory() / "embed.c", *support()]
    parts = [str(folder / "tiny-one.cortex-m7.a")]
    with pytest.raises(CompileError, match=r"too large for the example board: RAM lacks \d+ bytes"):
        board.build(TARGETS["cortex-m7"], tmp_path, main, options, parts)


@pytest.mark.parametrize("source", ["embed.c", "identify.c"])
def test_the_examples_take_no_arena_in_banks(source: str, tmp_path: Path) -> None:
    need("gcc", "gcc")
    (tmp_path / "model.h").write_text("#define TINY_BANKS 2\n")
    include = [f"-I{tmp_path}", f"-I{sources.include_directory()}", '-DMODEL_H="model.h"']
    path = sources.firmware_directory() / source
    command = ["gcc", "-E", *include, "-DMODEL=tiny_model", "-DPREFIX=TINY", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode and "the arena is in several RAM banks: compile for one" in done.stderr


@pytest.mark.parametrize(
    "said, message",
    [
        ("ld: region `FLASH' overflowed by 77 bytes", "too large .*: FLASH lacks 77 bytes"),
        ("ld: cannot find -lc: No such file", "apt-get install libnewlib-arm-none-eabi"),
        ("stdint.h:9: fatal error: stdint.h: No such file or directory", "libnewlib-arm-none-eabi"),
        ("undefined reference to `puts'", "does not link:\nundefined reference to `puts'"),
    ],
)
def test_why_an_image_cannot_be_built(
    said: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "arm-none-eabi-gcc"
    (tmp_path / "said").write_text(said)
    compiler.write_text(f"#!/bin/sh\ncat {tmp_path}/said >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(board, "compiler", lambda target: str(compiler))
    with pytest.raises(CompileError, match=f"cortex-m7: .*{message}"):
        board.build(TARGETS["cortex-m7"], tmp_path, [])


def test_an_endless_image_is_stopped(tmp_path: Path, core: str) -> None:
    main = tmp_path / "main.c"
    main.write_text('int main(void) { for (;;) __asm__ volatile("nop"); }\n')
    image = board.build(TARGETS[core], tmp_path, [main], parts=[])
    with pytest.raises(CompileError, match=f"{core}: the image still ran in QEMU after 1 s"):
        board.run(TARGETS[core], image, limit=1)
