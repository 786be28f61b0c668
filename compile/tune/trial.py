"""Candidates for the tile of one operator, built into one library, compared and costed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..emit.library import SHARED, link, write_around
from ..emit.source import arguments
from ..emit.sources import STAMP, tools_directory
from ..errors import CompileError
from ..files import workspace
from ..graph import Op
from ..kernels.tile import Tile
from ..lower.lower import lower_op
from ..lower.program import Program, Tiles
from ..machines import cycles
from ..machines.instructions import MARKS, count
from ..machines.measure import pinned
from ..machines.programs import find
from ..memory.lifetimes import spans
from ..memory.plan import ALIGNMENT, Plan, plan
from ..targets import ARCH_AARCH64, Target
from ..tiles.table import CYCLES

TRIAL = "pocketvision_trial"


@dataclass(frozen=True)
class Outcome:
    """One candidate: its cost, and whether it left every byte as the first candidate did."""

    cost: float
    same: bool


Contest = Callable[[Sequence[int]], list[Outcome]]
"""Runs the candidates of these numbers against each other."""


def program_of(program: Program, op: Op, tiles: Sequence[Tile]) -> Program:
    """``op`` of ``program`` once per tile, on the same operands, as calls of one program."""
    fresh = Program(program.graph, program.isa, program.layout)
    for tile in tiles:
        fresh.tiles = _always(tile)
        lower_op(fresh, op)
    return fresh


def _always(tile: Tile) -> Tiles:
    return lambda isa, shape: tile


def counted(program: Program, target: Target, unit: str) -> list[Outcome]:
    """Each call of ``program`` once in QEMU: executed instructions, or modelled cycles of them.

    Raises:
        CompileError: the target is not aarch64; a tool is absent.
    """
    if target.arch != ARCH_AARCH64:
        raise CompileError(f"target {target.name}: {unit} are counted for aarch64 only; take time")
    emulator = find(("qemu-aarch64",), "qemu-user", f"counting on {target.name}")
    with workspace() as work:
        tools = tools_directory()
        _write(program, target, work)
        options = ("-DPV_MARK", "-static", f"-I{tools}", str(tools / "trial_main.c"))
        link(target, work, options, "trial")
        command = [str(work / "trial"), str(work / "hashes")]
        histogram = unit == CYCLES
        regions = count((emulator, "-cpu", "max"), command, MARKS["aarch64"], histogram=histogram)
        hashes = (work / "hashes").read_text().split()
    regions = regions[::2]  # between them each candidate's operands are prepared
    if not len(regions) == len(hashes) == len(program.calls):
        raise CompileError(f"target {target.name}: QEMU counted {len(regions)} candidates")
    costs = cycles.modelled(regions) if histogram else [float(r.executed) for r in regions]
    return [Outcome(cost, own == hashes[0]) for cost, own in zip(costs, hashes, strict=True)]


def timed(program: Program, target: Target, rounds: int) -> Contest:
    """A contest of the calls on this machine: least microseconds of ``rounds`` that all share.

    Rounds instead of one candidate after the other, so that all see the same noise; they also find
    the caches as full of other code as between the operators of a network.
    """
    with workspace() as work:
        size = _write(program, target, work).bytes
        (work / "exports.map").write_text(f"{{ global: {TRIAL}; local: *; }};\n")
        link(target, work, (*SHARED, f"-I{tools_directory()}"), "trial.so")
        run = getattr(ctypes.CDLL(str(work / "trial.so")), TRIAL)
    run.argtypes = [ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
    memory: np.ndarray = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    arena = memory[start : start + size]
    noise = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    stamps: np.ndarray = np.zeros(2, np.uint64)

    def once(candidate: int) -> int:
        run(candidate, arena.ctypes.data, stamps.ctypes.data)
        return int(stamps[1] - stamps[0])

    def behind(candidate: int) -> np.ndarray:
        arena[:] = noise
        once(candidate)
        return arena.copy()

    def contest(candidates: Sequence[int]) -> list[Outcome]:
        first = behind(candidates[0])
        same = [np.array_equal(behind(candidate), first) for candidate in candidates]
        with pinned():
            times = np.array([[once(candidate) for candidate in candidates] for _ in range(rounds)])
        return [Outcome(float(t) / 1e3, s) for t, s in zip(times.min(axis=0), same, strict=True)]

    return contest


def _write(program: Program, target: Target, work: Path) -> Plan:
    """The files that ``emit.link`` takes; the function ``TRIAL`` runs one call between stamps."""
    memory = plan(spans(program.calls))
    names = [program.kernel_name(call.kernel) for call in program.calls]
    parameters = ", ".join(["const void *"] * (len(program.calls[0].arguments) - 1) + ["void *"])
    lines = [
        f"#include <{STAMP}>",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "extern const char pv_constants[];",
        *(f"int {name}({parameters});" for name in names),
        f"const unsigned pocketvision_candidates = {len(names)};",
        f"const size_t {TRIAL}_bytes = {memory.bytes};",
        '__attribute__((visibility("default")))',
        f"int {TRIAL}(unsigned candidate, void *arena, uint64_t *table) {{",
        "  char *a0 = arena;",
        "  switch (candidate) {",
    ]
    for index, (name, call) in enumerate(zip(names, program.calls, strict=True)):
        lines.append(
            f"  case {index}: PV_STAMP(table, 0); {name}({arguments(call, memory)}); "
            "PV_STAMP(table, 1); return 0;"
        )
    lines += ["  }", "  return 1;", "}", ""]
    write_around(program, target, work, "\n".join(lines))
    return memory
