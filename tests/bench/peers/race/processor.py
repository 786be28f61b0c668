"""Benchmarks on a lesser processor than this one: every library is told what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pocketvision.bench.machine import RESTRICTED
from pocketvision.errors import RunError

PROCESSORS = {"avx2": "x86-64-avx2", "avxvnni": "x86-64-avxvnni", "avx512": "x86-64-vnni"}
"""What may be left, and our target there: AVX2, AVX-VNNI besides, or everything but AMX."""


def restrict(name: str, module: str, arguments: Sequence[str]) -> None:
    """Starts ``python -m module arguments`` anew in place of this process, as processor ``name``.

    CPUID answers all runtimes alike (``csrc/tools/cpuid.c``), and in the processes that they start;
    what else would choose for each runtime differs, and most have no switch.
    Returns where the process is restricted already. Raises RunError when it cannot be done here.
    """
    if os.environ.get(RESTRICTED):
        return
    # A loader that leaves the library out says so and goes on; then the restriction would be a lie.
    preloaded = str(library())
    environment = {**os.environ, RESTRICTED: name, "LD_PRELOAD": preloaded}
    probe = (
        "import sys; from pocketvision.runtime import shipped; "
        "sys.exit(shipped.host_targets()[0] != %r)"
    )
    command = [sys.executable, "-c", probe % PROCESSORS[name]]
    if subprocess.run(command, env=environment, check=False).returncode:
        raise RunError(
            "this processor or system cannot hide instruction sets (flag cpuid_fault in "
            f"/proc/cpuinfo and Linux are needed), or has no {name}"
        )
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def library() -> Path:
    """The library to preload; raises RunError where it cannot be compiled."""
    from pocketvision.compile import CompileError
    from pocketvision.compile.machines.programs import built

    try:
        return built("cpuid.c", ("-shared", "-fPIC"))
    except CompileError as error:
        raise RunError(str(error)) from error
