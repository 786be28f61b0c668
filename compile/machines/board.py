"""Example boards in QEMU: builds a bare-metal image around compiled parts, and runs it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..emit import library
from ..emit.library import compiler
from ..emit.sources import firmware_directory, include_directory, tools_directory
from ..errors import CompileError
from ..targets import Target
from .programs import find

MACHINES = {
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505",
    "cortex-m55": "mps3-an547",
}
"""QEMU's machine for each target, whose linker script is csrc/firmware/boards/MACHINE.ld."""

STACK = 64 * 1024
"""Of images that measure how much of it is used."""

LIMIT = 600.0
SUPPORT = ("start.c", "semihosting.c")
STATUS = {
    2: "a file cannot be read or written",
    3: "a kernel wrote outside its memory",
    4: "run() failed",
    99: "a fault, see above",
}
"""Exit codes of csrc/tools/runner.c and csrc/firmware/start.c."""


def build(
    target: Target,
    work: Path,
    main: Sequence[Path],
    options: Sequence[str] = (),
    parts: Sequence[str] | None = None,
    out: str = "image.elf",
    stack: int = STACK,
) -> Path:
    """Links ``parts``, by default all of ``work``, with the C files ``main`` and start-up code.

    Raises:
        CompileError: no cross compiler or C library, or the image does not fit the board.
    """
    folder = firmware_directory()
    command = [
        compiler(target),
        *("-std=c11", "-O2", "-Wall", "-ffunction-sections", *target.options, *options),
        *(f"-I{path}" for path in (include_directory(), folder, tools_directory())),
        *map(str, main),
        *(str(folder / name) for name in SUPPORT),
        *(library.parts(work) if parts is None else parts),
        *("-nostartfiles", "-Wl,--gc-sections", "-Wl,-z,noexecstack"),
        *(f"-Wl,--defsym=STACK_BYTES={stack}", f"-L{folder / 'boards'}"),
        *("-T", f"{MACHINES[target.name]}.ld", "-o", out),
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"target {target.name}: {_why(done.stderr)}")
    return work / out


def _why(said: str) -> str:
    full = re.search(r"region `(\w+)' overflowed by (\d+) bytes", said)
    if full:
        return f"the image is too large for the example board: {full[1]} lacks {full[2]} bytes"
    if re.search(r"cannot find -lc\b|(stdint|string)\.h: No such file", said):
        return "no C library; on Debian: apt-get install libnewlib-arm-none-eabi"
    return f"the image does not link:\n{said.strip()[-2000:]}"


def emulator(target: Target, arguments: Sequence[str] = ()) -> list[str]:
    """QEMU's command without the image; ``arguments`` are words for the program.

    Raises:
        CompileError: qemu-system-arm is absent.
    """
    path = find(("qemu-system-arm",), "qemu-system-arm", f"running {target.name}")
    words = "".join(f",arg={word}" for word in ("image", *arguments))
    return [
        *(path, "-M", MACHINES[target.name], "-display", "none", "-monitor", "none"),
        *("-serial", "none", "-semihosting-config", f"enable=on,target=native{words}"),
    ]


def run(target: Target, image: Path, arguments: Sequence[str] = (), limit: float = LIMIT) -> str:
    """What the image prints; it starts in its own folder.

    Raises:
        CompileError: QEMU is absent, the image failed, or ran longer than ``limit`` seconds.
    """
    command = [*emulator(target, arguments), "-kernel", image.name]
    try:
        done = subprocess.run(
            command, cwd=image.parent, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        raise CompileError(
            f"target {target.name}: the image still ran in QEMU after {limit:g} s"
        ) from None
    # QEMU lets the program speak on its own error stream.
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        why = STATUS.get(done.returncode, "see above")
        raise CompileError(
            f"target {target.name}: {said}\nthe image ended with {done.returncode} in QEMU: {why}"
        )
    return said
