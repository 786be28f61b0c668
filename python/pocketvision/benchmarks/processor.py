"""Benchmarks on a lesser processor than this one: every library is told what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import RunError
from .machine import RESTRICTED

PROCESSORS = ("avx2", "avxvnni")
"""What may be left: AVX2, or AVX-VNNI besides."""

SOURCE = Path(__file__).with_name("cpuid.c")


def restrict(name: str, module: str, arguments: Sequence[str], folder: Path) -> None:
    """Starts ``python -m module arguments`` anew in place of this process, as processor ``name``.

    CPUID answers all runtimes alike (``cpuid.c``), and in the processes that they start; what else
    would choose for each runtime differs, and most have no switch. ``folder`` takes the library.
    Returns where the process is restricted already. Raises RunError when it cannot be done here.
    """
    if os.environ.get(RESTRICTED):
        return
    # A loader that leaves the library out says so and goes on; then the restriction would be a lie.
    library = build(folder)
    environment = {**os.environ, RESTRICTED: name, "LD_PRELOAD": str(library)}
    probe = "import sys; from pocketvision import models; sys.exit(models.host_targets()[0] != %r)"
    command = [sys.executable, "-c", probe % f"x86-64-{name}"]
    if subprocess.run(command, env=environment, check=False).returncode:
        raise RunError(
            "this processor or system cannot hide instruction sets (flag cpuid_fault in "
            f"/proc/cpuinfo and Linux are needed), or has no {name}"
        )
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def build(folder: Path) -> Path:
    """The library to preload, compiled by ``gcc``; raises RunError without it."""
    folder.mkdir(parents=True, exist_ok=True)
    library = (folder / "cpuid.so").absolute()
    partial = library.with_suffix(f".{os.getpid()}.partial")
    command = ["gcc", "-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(partial)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as absent:
        raise RunError("gcc: not found; install Debian's package gcc") from absent
    if done.returncode:
        raise RunError(f"{SOURCE}: gcc refused it: {done.stderr.strip()[-300:]}")
    os.replace(partial, library)
    return library
