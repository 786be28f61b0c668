"""Runs an instrumented model call by call: timed on this machine, or counted in QEMU."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from ..emit.library import emit, link, sizes, write_parts
from ..emit.source import PROFILE
from ..emit.sources import tools_directory
from ..errors import CompileError
from ..files import workspace
from ..lower.program import Program
from ..memory.plan import ALIGNMENT
from ..targets import ARCH_X86_64, FAMILIES, HOSTS, Target
from . import board
from .instructions import MARKS, Region, count
from .programs import built, find

WARM = 5


def timed(program: Program, target: Target, rounds: int) -> np.ndarray:
    """Microseconds (rounds, calls) of each call on noise; this thread is pinned meanwhile.

    Raises:
        CompileError: no C compiler.
    """
    calls = len(program.calls)
    graph = program.graph
    random = np.random.default_rng(0)
    sources, results = (
        [random.integers(-128, 128, t.shape).astype(t.dtype) for t in tensors]
        for tensors in ([graph.tensors[n] for n in ends] for ends in (graph.inputs, graph.outputs))
    )
    table: np.ndarray = np.zeros((WARM + rounds, calls + 2), np.uint64)
    with workspace() as work:
        library = work / "model.so"
        memory: np.ndarray = np.empty(
            emit(program, target, library, profile=True).bytes + ALIGNMENT, np.uint8
        )
        run = getattr(ctypes.CDLL(str(library)), PROFILE)
        run.argtypes = [ctypes.c_void_p] * 4
        ends = [
            (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
            for arrays in (sources, results)
        ]
        arena = -(-memory.ctypes.data // ALIGNMENT) * ALIGNMENT
        with pinned():
            for row in table:
                run(*ends, arena, row.ctypes.data)
    spans = np.diff(table[WARM:].astype(np.int64), axis=1)
    stamp = np.median(spans[:, 0])
    return np.maximum(spans[:, 1:] - stamp, 0) / 1e3


def counted(
    program: Program, target: Target, *, histogram: bool = False, work: Path | None = None
) -> list[Region]:
    """Executed instructions of each call on noise, in QEMU.

    Args:
        work: a folder that keeps ``emit.library.PARTS``; None: one that goes.

    Raises:
        CompileError: the target is of x86-64; no cross compiler, QEMU or host compiler.
    """
    if target.arch == ARCH_X86_64:
        raise CompileError(
            f"target {target.name}: runs on x86-64 only; instructions are counted on ARM"
        )
    if target.firmware:
        emulator, mark = board.emulator(target), MARKS["thumb"]
    else:
        path = find(("qemu-aarch64",), "qemu-user", f"counting on {target.name}")
        emulator, mark = [path, "-cpu", "max"], MARKS["aarch64"]
    with workspace() if work is None else nullcontext(work) as work:
        memory = write_parts(program, target, work, profile=True)
        main = tools_directory() / "count_main.c"
        options = ("-DPV_MARK", *sizes(program, memory), f"-I{main.parent}")
        if target.firmware:
            started = ["-kernel", str(board.build(target, work, [main], options))]
        else:
            link(target, work, (*options, "-static", str(main)), "counted")
            started = [str(work / "counted")]
        regions = count(emulator, started, mark, histogram=histogram)
    if len(regions) != len(program.calls) + 1 or regions[0].executed:
        raise CompileError(
            f"target {target.name}: QEMU counted {len(regions)} regions, not one a call"
        )
    return regions[1:]


def peak(target: Target) -> float | None:
    """Multiply-accumulates per microsecond of a loop that does nothing but dot products.

    Returns:
        None where this processor lacks the instructions of the target.
    """
    if not native(target):
        return None
    program = built("peak.c", target.peak)
    with pinned():
        done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    return None if done.returncode else float(done.stdout)


def native(target: Target) -> bool:
    """Whether ``target`` belongs to this machine's family."""
    return target.name in FAMILIES.get(HOSTS.get(platform.machine().lower(), ""), ())


@contextmanager
def pinned() -> Iterator[None]:
    """Keeps this thread, and programs that it starts, on the last core it may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
