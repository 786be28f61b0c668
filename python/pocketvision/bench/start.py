"""From nothing to the first face: time from the start of a process, memory, size on disk."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..faces.embedder import Embedder
from .measure import Timing, take_turns

_OURS = """
import numpy, pocketvision
pocketvision.Embedder({path!r}).embed(numpy.zeros({shape!r}, numpy.uint8))
"""

_TAIL = """
print("VmRSS", next(line.split()[1] for line in open("/proc/self/status") if "VmRSS" in line))
"""
_SHARED = "numpy"
"""What every runtime needs; it counts for none."""


@dataclass(frozen=True)
class FirstFace:
    """A program for ``python -c`` that makes one embedding and ends.

    ``packages``: distributions whose installed size counts; ``python``: interpreter that has them.
    """

    program: str
    packages: tuple[str, ...]
    python: Path = Path(sys.executable)


def ours(embedder: Embedder) -> FirstFace:
    """The program for a compiled model of ours."""
    path, shape = os.path.abspath(embedder.model.path), (*embedder.record.preprocess["size"], 3)
    return FirstFace(_OURS.format(path=path, shape=shape), ("pocketvision",))


@dataclass(frozen=True)
class Start:
    """Milliseconds to the first embedding, resident MB behind it, MB that an installation takes.

    None: this system does not say.
    """

    timing: Timing
    resident: float | None
    installed: float | None


def measure(programs: list[FirstFace], rounds: int) -> list[Start]:
    """Starts each of ``programs`` once a round, in turn; an untimed start of each comes before.

    The time ends when the embedding is there; the end of the process is not in it. Bytecode is
    cached, as it is where packages are installed. Raises RuntimeError when a program fails.
    """
    with tempfile.TemporaryDirectory(prefix="pocketvision-bytecode-") as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        resident = [_start(program, environment)[1] for program in programs]
        timings = take_turns(
            [lambda program=program: _start(program, environment)[0] for program in programs],  # type: ignore[misc]
            rounds,
        )
    return [
        Start(timing, memory, installed(program))
        for program, timing, memory in zip(programs, timings, resident, strict=True)
    ]


def _start(program: FirstFace, environment: dict[str, str]) -> tuple[float, float | None]:
    code = program.program + (_TAIL if Path("/proc/self/status").exists() else "print()")
    start = time.perf_counter_ns()
    with subprocess.Popen(
        [program.python, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.strip() or line.startswith("VmRSS"):
                taken = (time.perf_counter_ns() - start) / 1e6
                return taken, int(line.split()[1]) / 1e3 if line.strip() else None
    raise RuntimeError(f"{program.packages[0]}: its first embedding failed:\n{program.program}")


def installed(program: FirstFace) -> float | None:
    """MB of its packages on the disk with what they require, numpy excepted.

    None where they lie outside the interpreter's own folder, as a .pth file allows.
    """
    if program.packages == ("pocketvision",):
        return sum(_bytes(file) for file in _own_files()) / 1e6
    sites = [str(path) for path in program.python.parent.parent.glob("lib/python*/site-packages")]
    seen: set[str] = {_SHARED}
    waiting = list(program.packages)
    if any(not list(metadata.distributions(name=name, path=sites)) for name in waiting):
        return None
    total = 0
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        for found in metadata.distributions(name=name, path=sites):
            files = found.files or []
            total += sum(_bytes(Path(str(found.locate_file(file)))) for file in files)
            waiting += [_name(text) for text in found.requires or [] if "extra ==" not in text]
            break
    return total / 1e6


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return match.group()


def _own_files() -> Iterable[Path]:
    """Files of a wheel of ours, where an editable installation has them."""
    import pocketvision

    # An editable installation also lists the folder that holds all rooms, and much besides.
    packages = [Path(folder) for folder in pocketvision.__path__]
    folders = [str(one) for one in packages if any(one.glob("__init__.py")) or any(one.glob("_r*"))]
    for room in ("compile", "training"):
        found = importlib.util.find_spec(f"pocketvision.{room}")
        folders += list(found.submodule_search_locations or ()) if found else []
    # In a wheel the rooms lie within the package, and count once.
    files = {path for folder in folders for path in Path(folder).rglob("*")}
    yield from (path for path in files if "weights" not in path.parts)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() and path.suffix != ".pyc" else 0
