"""The compiled model: kernels, constants and the exported struct linked into one shared library."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import CompileError
from ..files import workspace, write_whole
from ..lower.program import Program
from ..memory.lifetimes import spans
from ..memory.plan import Plan, plan
from ..targets import ARCH_AARCH64, ARCH_ARM_M, Target
from .codegen import write_object
from .digest import seal
from .source import CONSTANTS, PROFILE, SYMBOL, source
from .sources import include_directory, kernels_directory, tools_directory

PACKAGES = {ARCH_AARCH64: "gcc-aarch64-linux-gnu", ARCH_ARM_M: "gcc-arm-none-eabi"}
PARTS = ("model.c", "constants.S", "kernels.o")
SHARED: tuple[str, ...] = (
    *("-fPIC", "-shared", "-nostartfiles", "-s"),
    *("-Wl,--build-id=none", "-Wl,--version-script=exports.map"),
)


def emit(program: Program, target: Target, out: Path, profile: bool = False) -> Plan:
    """Writes ``out`` (a shared library); returns the arena's plan.

    Args:
        profile: also export the function ``PROFILE``.

    Raises:
        CompileError: no C compiler for the target, or it failed.
        OSError: ``out`` cannot be written; it names ``out``.
    """
    with workspace() as work:
        memory = write_parts(program, target, work, profile=profile)
        symbols, options = f"{SYMBOL};", SHARED
        if profile:
            symbols, options = f"{symbols} {PROFILE};", (*SHARED, f"-I{tools_directory()}")
        (work / "exports.map").write_text(f"{{ global: {symbols} local: *; }};\n")
        link(target, work, options, "model.so")
        seal(work / "model.so")
        library = (work / "model.so").read_bytes()
    write_whole(out, lambda file: file.write(library))
    return memory


def write_parts(
    program: Program,
    target: Target,
    work: Path,
    *,
    profile: bool = False,
    layers: bool = False,
    symbol: str = SYMBOL,
    memory: Plan | None = None,
) -> Plan:
    """Writes the files ``PARTS`` that ``link`` makes a model of; returns the arena's plan.

    Args:
        profile, layers, symbol: as for ``source``.
        memory: the plan, if there is one; else the arena is one piece.
    """
    memory = memory or plan(spans(program.calls))
    text = source(program, target, memory, profile=profile, layers=layers, symbol=symbol)
    write_around(program, target, work, text)
    return memory


def write_around(program: Program, target: Target, work: Path, text: str) -> None:
    """``text``, C code that calls the kernels, and the other files that ``link`` takes."""
    write_object(program, target, work / "kernels.o")
    (work / "constants.bin").write_bytes(program.constants)
    (work / "constants.S").write_text(CONSTANTS)
    for name in program.isa.assembly:
        shutil.copyfile(kernels_directory() / name, work / name)
    (work / "model.c").write_text(text)


def sizes(program: Program, memory: Plan) -> list[str]:
    """Macros that the mains of csrc/tools are compiled with."""
    graph = program.graph
    found = {"ARENA_BYTES": memory.bytes}
    for end, tensors in (("INPUT", graph.inputs), ("OUTPUT", graph.outputs)):
        found[f"{end}S"] = len(tensors)
        found[f"{end}_BYTES"] = sum(graph.tensors[name].bytes for name in tensors)
    return [f"-D{name}={size}" for name, size in found.items()]


def compiler(target: Target) -> str:
    """The C compiler for a target: the cross compiler, or ``cc`` on the same machine.

    Raises:
        CompileError: none is installed; says what to install.
    """
    machine = os.uname().machine
    native = target.triple.startswith(machine)
    for name in (["cc", "gcc", "clang"] if native else []) + [f"{target.triple}-gcc"]:
        found = shutil.which(name)
        if found:
            return found
    package = PACKAGES.get(target.arch, "gcc")
    raise CompileError(
        f"target {target.name}: no C compiler {target.triple}-gcc to link the model; "
        f"on Debian: apt-get install {package}"
    )


def parts(work: Path) -> list[str]:
    """``PARTS`` and the routines in assembly that stand beside them in ``work``."""
    routines = sorted(file.name for file in work.glob("*.S") if file.name not in PARTS)
    return [*PARTS, *routines]


def link(target: Target, work: Path, options: Sequence[str], out: str) -> None:
    """Compiles and links the ``parts`` of ``work`` into ``work/out``.

    Raises:
        CompileError: no C compiler for the target, or it failed.
    """
    command = [
        compiler(target),
        *("-std=c11", "-O2", *target.options, *options, "-Wl,-z,noexecstack"),
        *(f"-I{include_directory()}", *parts(work), "-o", out),
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"target {target.name}: {command[0]} failed:\n{done.stderr.strip()}")
