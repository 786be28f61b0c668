"""The compiled model: kernels, constants and the exported struct linked into one shared library."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .codegen import write_object
from .errors import CompileError
from .graph import Tensor
from .lower import Call, Pointer, Program
from .plan import ALIGNMENT, Plan, Span, plan
from .targets import ARCH_AARCH64, Target

HEADER = "pocketvision/model.h"
SYMBOL = "pocketvision_model"


def emit(program: Program, target: Target, out: Path) -> Plan:
    """Writes ``out`` (a shared library), through a temporary name; returns the arena's plan.

    Raises:
        CompileError: no C compiler for the target, or it failed.
    """
    memory = plan(spans(program.calls, {n: r.bytes for n, r in program.layout.roots.items()}))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pocketvision-") as folder:
        work = Path(folder)
        write_object(program, target, work / "kernels.o")
        (work / "constants.bin").write_bytes(program.constants)
        (work / "constants.S").write_text(CONSTANTS)
        (work / "model.c").write_text(source(program, target, memory))
        (work / "exports.map").write_text(f"{{ global: {SYMBOL}; local: *; }};\n")
        _link(target, work)
        partial = out.with_name(f".{out.name}.partial")
        shutil.copyfile(work / "model.so", partial)
        os.replace(partial, out)
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


def source(program: Program, target: Target, memory: Plan) -> str:
    """The C file: kernel declarations, ``run`` as a list of calls, and the struct."""
    lines = [f"#include <{HEADER}>", "", "extern const char pv_constants[];"]
    counts = {call.kernel: len(call.arguments) for call in program.calls}
    for index in range(len(program.kernels)):
        parameters = ", ".join(["const void *"] * (counts[index] - 1) + ["void *"])
        lines.append(f"int {program.kernel_name(index)}({parameters});")
    lines += ["", "static int run(const void *in, void *out, void *arena) {", "  char *a = arena;"]
    for call in program.calls:
        arguments = ", ".join(_argument(pointer, memory) for pointer in call.arguments)
        lines.append(f"  {program.kernel_name(call.kernel)}({arguments});")
    graph = program.graph
    lines += [
        "  return 0;",
        "}",
        "",
        f'__attribute__((visibility("default"))) const pv_model {SYMBOL} = {{',
        "  .magic = PV_MODEL_MAGIC,",
        "  .abi_version = PV_ABI_VERSION,",
        "  .struct_bytes = sizeof(pv_model),",
        f"  .arch = {target.arch},",
        f"  .features = {target.features},",
        f"  .arena_bytes = {memory.bytes},",
        f"  .arena_alignment = {ALIGNMENT},",
        f"  .input = {_tensor(graph.tensors[graph.input])},",
        f"  .output = {_tensor(graph.tensors[graph.output])},",
        f"  .target = {_string(target.name)},",
        f"  .source_sha256 = {_string(graph.sha256)},",
        f"  .record = {_string(graph.record)},",
        "  .run = run,",
        "};",
        "",
    ]
    return "\n".join(lines)


CONSTANTS = """\
  .section .rodata
  .balign 64
  .global pv_constants
pv_constants:
  .incbin "constants.bin"
  .balign 64
  .zero 64
  .section .note.GNU-stack,"",%progbits
"""


def _argument(pointer: Pointer, memory: Plan) -> str:
    if pointer.base == "arena":
        return f"a + {memory.offsets[pointer.root] + pointer.offset}"
    if pointer.base == "constants":
        return f"pv_constants + {pointer.offset}"
    return {"input": "in", "output": "out"}[pointer.base]


def _tensor(tensor: Tensor) -> str:
    return (
        f"{{{_string(tensor.name)}, PV_DTYPE_INT8, {tensor.height}, {tensor.width}, "
        f"{tensor.channels}, {float(tensor.scale).hex()}f, {tensor.zero_point}}}"
    )


def _string(text: str) -> str:
    """A C string literal; octal escapes, because hexadecimal ones swallow what follows."""
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{escaped}"'


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


def include_directory() -> Path:
    """Folder of the C headers: beside the installed package, or in the source tree."""
    here = Path(__file__).resolve().parent
    for candidate in (here.parent / "include", here.parent / "csrc" / "include"):
        if (candidate / HEADER).exists():
            return candidate
    raise CompileError(f"the C header {HEADER} is missing from the installation; reinstall it")


def _link(target: Target, work: Path) -> None:
    command = [
        compiler(target),
        *("-std=c11", "-O2", "-fPIC", "-shared", "-nostartfiles", "-s"),
        *("-Wl,--build-id=none", "-Wl,--version-script=exports.map", "-Wl,-z,noexecstack"),
        f"-I{include_directory()}",
        *("model.c", "constants.S", "kernels.o", "-o", "model.so"),
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"target {target.name}: {command[0]} failed:\n{done.stderr.strip()}")
