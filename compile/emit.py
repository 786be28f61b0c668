"""The compiled model: kernels, constants and the exported struct linked into one shared library."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .codegen import write_object
from .errors import CompileError
from .lower import Call, Program
from .plan import Plan, Span, plan
from .source import CONSTANTS, PROFILE, SYMBOL, source
from .targets import ARCH_AARCH64, Target
from .tools import include_directory, tools_directory

PARTS = ("model.c", "constants.S", "kernels.o")
SHARED: tuple[str, ...] = (
    *("-fPIC", "-shared", "-nostartfiles", "-s"),
    *("-Wl,--build-id=none", "-Wl,--version-script=exports.map"),
)


def emit(program: Program, target: Target, out: Path, profile: bool = False) -> Plan:
    """Writes ``out`` (a shared library), through a temporary name; returns the arena's plan.

    Args:
        profile: also export the function ``PROFILE``.

    Raises:
        CompileError: no C compiler for the target, or it failed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pocketvision-") as folder:
        work = Path(folder)
        memory = write_parts(program, target, work, profile)
        symbols, options = f"{SYMBOL};", SHARED
        if profile:
            symbols, options = f"{symbols} {PROFILE};", (*SHARED, f"-I{tools_directory()}")
        (work / "exports.map").write_text(f"{{ global: {symbols} local: *; }};\n")
        link(target, work, options, "model.so")
        partial = out.with_name(f".{out.name}.partial")
        shutil.copyfile(work / "model.so", partial)
        os.replace(partial, out)
    return memory


def write_parts(program: Program, target: Target, work: Path, profile: bool = False) -> Plan:
    """Writes the files ``PARTS`` that ``link`` makes a model of; returns the arena's plan."""
    sizes = {name: root.bytes for name, root in program.layout.roots.items()}
    memory = plan(spans(program.calls, sizes | program.scratches))
    write_object(program, target, work / "kernels.o")
    (work / "constants.bin").write_bytes(program.constants)
    (work / "constants.S").write_text(CONSTANTS)
    (work / "model.c").write_text(source(program, target, memory, profile))
    return memory


def spans(calls: list[Call], sizes: dict[str, int]) -> list[Span]:
    """Lifetime of each root: from the first call that names it to the last."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for step, call in enumerate(calls):
        for pointer in call.arguments:
            if pointer.base == "arena":
                first.setdefault(pointer.root, step)
                last[pointer.root] = step
    return [Span(name, sizes[name], first[name], last[name]) for name in first]


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
    package = "gcc-aarch64-linux-gnu" if target.arch == ARCH_AARCH64 else "gcc"
    raise CompileError(
        f"target {target.name}: no C compiler {target.triple}-gcc to link the model; "
        f"on Debian: apt-get install {package}"
    )


def link(target: Target, work: Path, options: Sequence[str], out: str) -> None:
    """Compiles and links ``PARTS`` in ``work`` into ``work/out``.

    Raises:
        CompileError: no C compiler for the target, or it failed.
    """
    command = [
        compiler(target),
        *("-std=c11", "-O2", *options, "-Wl,-z,noexecstack"),
        *(f"-I{include_directory()}", *PARTS, "-o", out),
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"target {target.name}: {command[0]} failed:\n{done.stderr.strip()}")
