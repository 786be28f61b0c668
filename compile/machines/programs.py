"""Programs that are run: those of Debian's packages, and our C tools, built on demand."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..emit.sources import STAMP, tools_directory
from ..errors import CompileError
from ..files import PROGRAM, workspace, write_whole

NATIVE = ("cc", "gcc", "clang")


def find(names: Sequence[str], package: str, purpose: str) -> str:
    """The first of the programs ``names`` that is installed.

    Raises:
        CompileError: none is; says which Debian package brings it.
    """
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise CompileError(f"{purpose}: {names[0]} is absent; on Debian: apt-get install {package}")


def built(
    source: str,
    options: Sequence[str],
    compilers: Sequence[str] = NATIVE,
    package: str = "gcc",
) -> Path:
    """A C file of ``tools_directory`` compiled once into the user's cache.

    Args:
        compilers: names of the program that may do it; by default for this machine.
        package: Debian's package that brings it.

    Raises:
        CompileError: no C compiler, it failed, or the cache cannot be written.
    """
    path = tools_directory() / source
    compiler = find(compilers, package, f"building {source}")
    command = [compiler, "-std=c11", "-O2", *options, str(path)]
    texts = (file.read_text() for file in (path, path.with_name(STAMP)))
    content = "\0".join([*command, platform.machine(), *texts])
    out = cache() / f"{path.stem}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    if out.exists():
        return out
    with workspace() as work:
        made = work / out.name
        done = subprocess.run([*command, "-o", str(made)], capture_output=True, text=True)
        if done.returncode:
            raise CompileError(f"building {source}: {compiler} failed:\n{done.stderr.strip()}")
        program = made.read_bytes()
    try:
        write_whole(out, lambda file: file.write(program), PROGRAM)
    except OSError as error:
        raise CompileError(
            f"building {source}: {error}; set XDG_CACHE_HOME to a folder that can be written"
        ) from None
    return out


def cache() -> Path:
    """Where ``built`` keeps its results."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "pocketvision"
