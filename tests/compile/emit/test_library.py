"""The written file: reproducible, one symbol, the struct's fields, and nothing left half-done."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.emit import library, sources
from pocketvision.compile.graph import Graph
from pocketvision.compile.targets import Target

from ..graphs import Builder
from ..test_pipeline import network

RECORD = '{"name": "schön \\"quoted\\" ?? 1\\n", "tab": "\\\\t9"}'


@pytest.fixture(scope="module")
def graph() -> Graph:
    """A few operators of every sort, with a record that C could misread."""
    build = Builder(1, (9, 8, 3), zero=-7)
    x = build.conv("input", 16, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    y = build.depthwise(x, pads=(1, 1, 1, 1), like=x)
    x = build.concat(x, y)
    x = build.pool(build.add(x, build.rescale(x)), "average", (9, 8), zero=5)
    return replace(build.graph(x), record=RECORD, sha256="5a" * 32)


def available(target: Target) -> Target:
    """The target, unless its C compiler is absent."""
    try:
        library.compiler(target)
    except CompileError as error:
        pytest.skip(str(error))
    return target


SHARED = [name for name, target in TARGETS.items() if not target.firmware]


@pytest.mark.parametrize("name", SHARED)
def test_the_same_input_gives_the_same_bytes(name: str, graph: Graph, tmp_path: Path) -> None:
    target = available(TARGETS[name])
    paths = [tmp_path / folder / "m.so" for folder in ("first", "a longer second")]
    for path in paths:
        pipeline.compile_graph(graph, target, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert str(tmp_path).encode() not in first


@pytest.mark.parametrize(
    "name", ["aarch64-dotprod", pytest.param("x86-64-avx2", marks=pytest.mark.full)]
)
def test_another_process_elsewhere_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    """Other folders, order of sets and hashes, language and time zone: none may reach the file."""
    available(TARGETS[name])
    surroundings = {
        "first": {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
        "a longer second": {"PYTHONHASHSEED": "4242", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo"},
    }
    written = []
    for folder, environment in surroundings.items():
        here = tmp_path / folder
        temporary = here / "temporary"
        temporary.mkdir(parents=True)
        network(here)
        subprocess.run(
            [sys.executable, "-m", "pocketvision", "compile", "tiny.int8.onnx", "--target", name,
             "--out", "out"],
            cwd=here, env={**os.environ, **environment, "TMPDIR": str(temporary)}, check=True,
        )  # fmt: skip
        written.append((here / "out" / f"tiny.{name}.so").read_bytes())
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]


@pytest.mark.parametrize("name", SHARED)
def test_one_symbol_and_no_dependency(name: str, graph: Graph, tmp_path: Path) -> None:
    target = available(TARGETS[name])
    if shutil.which("readelf") is None:
        pytest.skip("readelf is absent; apt-get install binutils")
    path = tmp_path / "m.so"
    pipeline.compile_graph(graph, target, path)
    listing = subprocess.run(
        ["readelf", "--wide", "--dyn-syms", path], capture_output=True, text=True, check=True
    ).stdout
    rows = [row for row in (line.split() for line in listing.splitlines()) if row[:1] and
            row[0].rstrip(":").isdigit() and len(row) >= 8 and row[3] != "SECTION"]  # fmt: skip
    assert [row[7] for row in rows if row[6] != "UND"] == [library.SYMBOL]
    undefined = {row[7].partition("@")[0] for row in rows if row[6] == "UND"}
    assert undefined <= {"memcpy", "memset"}
    headers = subprocess.run(
        ["readelf", "--wide", "-l", path], capture_output=True, text=True, check=True
    ).stdout
    assert not [line for line in headers.splitlines() if "LOAD" in line and "RWE" in line]
    (stack,) = (line for line in headers.splitlines() if "GNU_STACK" in line)
    assert " RW " in stack, "the stack must not be executable"


def test_the_struct_says_what_the_graph_says(graph: Graph, tmp_path: Path) -> None:
    """Read by a C program against the public header, as firmware would."""
    target = available(TARGETS["x86-64-portable"])
    if "x86_64" not in library.os.uname().machine:
        pytest.skip("runs on x86-64 hosts only")
    done = pipeline.compile_graph(graph, target, tmp_path / "m.so")
    (tmp_path / "show.c").write_text(
        f"#include <{sources.HEADER}>\n#include <dlfcn.h>\n#include <stdio.h>\n"
        "static void show(const pv_tensor *t) {\n"
        '  printf("%s %u %u %u %u %u %a %d\\n", t->name, (unsigned)t->dtype, (unsigned)t->rank,\n'
        "    (unsigned)t->shape[0], (unsigned)t->shape[1], (unsigned)t->shape[2], t->scale,\n"
        "    (int)t->zero_point);\n}\n"
        "int main(int n, char **a) {\n"
        "  const pv_model *m = dlsym(dlopen(a[n - 1], RTLD_NOW), PV_MODEL_SYMBOL);\n"
        '  printf("%d %u %d %u %u %llu %u\\n", m->magic == PV_MODEL_MAGIC,\n'
        "    (unsigned)m->abi_version == PV_ABI_VERSION, m->struct_bytes == sizeof *m,\n"
        "    (unsigned)m->arch, (unsigned)m->features, (unsigned long long)m->arena_bytes,\n"
        "    (unsigned)m->arena_alignment);\n"
        "  show(m->inputs); show(m->outputs);\n"
        '  printf("%s\\n%s\\n%s", m->target, m->source_sha256, m->record);\n}\n'
    )
    program = tmp_path / "show"
    subprocess.run(
        [library.compiler(target), f"-I{library.include_directory()}", str(tmp_path / "show.c"),
         "-o", str(program), "-ldl"], check=True,
    )  # fmt: skip
    shown = subprocess.run(
        [program, done.path], capture_output=True, text=True, check=True
    ).stdout.split("\n", 5)
    assert shown[0] == f"1 1 1 {target.arch} {target.features} {done.plan.bytes} 64"
    for line, name in zip(shown[1:3], (graph.inputs[0], graph.outputs[0]), strict=True):
        tensor, words = graph.tensors[name], line.split()
        assert words[:6] == [name, "1", "3", *map(str, tensor.shape)]
        single = struct.unpack("f", struct.pack("f", tensor.scale))[0]
        assert float.fromhex(words[6]) == single
        assert int(words[7]) == tensor.zero_point
    assert shown[3:] == [target.name, graph.sha256, RECORD]


def test_a_failing_c_compiler_leaves_nothing(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "broken-cc"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho half > model.so\necho 'no space left' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(library, "compiler", lambda target: str(broken))
    out = tmp_path / "out"
    with pytest.raises(CompileError, match="broken-cc failed:\nno space left"):
        pipeline.compile_graph(graph, TARGETS["x86-64-portable"], out / "m.so")
    assert not out.exists()


def test_a_failing_c_compiler_keeps_the_older_file(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.so").write_bytes(b"older")
    monkeypatch.setattr(library, "compiler", lambda target: shutil.which("false") or "false")
    with pytest.raises(CompileError):
        pipeline.compile_graph(graph, TARGETS["x86-64-portable"], tmp_path / "m.so")
    assert [path.name for path in tmp_path.iterdir()] == ["m.so"]
    assert (tmp_path / "m.so").read_bytes() == b"older"


@pytest.mark.parametrize(
    "name, package",
    [
        ("aarch64-neon", "gcc-aarch64-linux-gnu"),
        ("x86-64-avx2", "gcc"),
        ("cortex-m33", "gcc-arm-none-eabi"),
    ],
)
def test_an_absent_c_compiler_is_named(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(CompileError, match=f"{name}: no C compiler .*apt-get install {package}$"):
        library.compiler(TARGETS[name])
