"""The report on a compiled model: what every operator costs on a target, and what is not fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CompileError
from ..frontend.load import load
from ..graph import whole
from ..lower.program import Program
from ..machines import cycles, measure
from ..memory.lifetimes import spans
from ..memory.plan import plan
from ..pipeline import lowered, optimise
from ..targets import Target, resolve
from .describe import described
from .report_data import INSTRUCTIONS, MICROSECONDS, Cost, Kind, Report, Row, Slow
from .unaccelerated import notes


def report(model: Path, target: str = "host", rounds: int = 100, emulate: bool = False) -> Report:
    """Compiles ``model`` and runs it call by call: timed here, or counted in QEMU.

    Args:
        target: a target; of a family or ``host`` the best member that can be run.
        rounds: timed runs of the network.
        emulate: count instructions also where the target runs on this machine.

    Raises:
        CompileError: no such target, a model that cannot be compiled, an absent tool.
    """
    if rounds < 2:
        raise CompileError(f"rounds: expected at least 2, got {rounds}")
    candidates = resolve(target)
    graph = optimise(load(model))
    for chosen in candidates:
        if emulate or not measure.native(chosen):
            return counted(lowered(graph, chosen), chosen)
        peak = measure.peak(chosen)
        if peak is not None:
            return timed(lowered(graph, chosen), chosen, rounds, peak)
    raise CompileError(f"target {target}: this processor lacks its instructions")


def timed(program: Program, target: Target, rounds: int, peak: float) -> Report:
    """The report of a program that runs on this machine; ``peak`` as ``measure.peak`` gives it."""
    times = measure.timed(program, target, rounds)
    # Clocks change while a processor warms up: the better of two loops is the bound.
    peak = max(peak, measure.peak(target) or 0)
    text = f"{peak / 1e3:.1f} GMAC/s, what a loop of dot products reaches on this processor"

    def cost(places: Sequence[int]) -> dict[str, float | None]:
        lower, middle, upper = np.quantile(times[:, places].sum(axis=1), (0.25, 0.5, 0.75))
        return {"cost": float(middle), "lower": float(lower), "upper": float(upper)}

    remark = f"times are medians of {rounds} runs on one pinned core, in brackets the quartiles"
    return _assemble(program, target, cost, peak, (MICROSECONDS, text, remark))


def counted(program: Program, target: Target) -> Report:
    """The report of a program for ARM, run once in QEMU."""
    regions = measure.counted(program, target, histogram=True)
    peak = measure.PER_INSTRUCTION[target.name]
    modelled = None
    try:
        core = cycles.cortex_m(target.name) if target.firmware else cycles.CORTEX_A76
        modelled = cycles.modelled(regions, core)
        remark = f"cycles are modelled by llvm-mca for {core.name}, not measured"
    except CompileError as error:
        remark = f"left out: {error}"

    def cost(places: Sequence[int]) -> dict[str, float | None]:
        return {
            "cost": sum(regions[place].executed for place in places),
            "cycles": sum(modelled[place] for place in places) if modelled else None,
        }

    text = f"{peak} multiply-accumulates per executed instruction"
    return _assemble(program, target, cost, peak, (INSTRUCTIONS, text, remark))


def _assemble(
    program: Program,
    target: Target,
    cost: Callable[[Sequence[int]], dict[str, Any]],
    peak: float,
    texts: tuple[str, str, str],
) -> Report:
    """``cost`` of calls by their places; ``peak`` multiply-accumulates per unit of cost."""
    calls: dict[str, list[int]] = {}
    for place, call in enumerate(program.calls):
        calls.setdefault(whole(call.op), []).append(place)
    single = {name: cost(places)["cost"] for name, places in calls.items()}
    everything = sum(single.values())
    words = described(program)

    def of(names: Sequence[str]) -> dict[str, Any]:
        values = cost([place for name in names for place in calls[name]])
        macs = sum(words[name].macs for name in names)
        share = 100 * sum(single[name] for name in names) / everything
        reached = 100 * macs / (peak * values["cost"]) if values["cost"] else 0.0
        return {"macs": macs, "share": share, "peak": reached, **values}

    rows = tuple(
        Row(**of([name]), name=name, kind=word.kind, fused=word.fused, shape=word.shape)
        for name, word in words.items()
    )
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.kind, []).append(row.name)
    kinds = [Kind(**of(names), kind=kind, operators=len(names)) for kind, names in groups.items()]
    return Report(
        model=program.graph.name,
        source_sha256=program.graph.sha256,
        target=target.name,
        unit=texts[0],
        peak=texts[1],
        total=Cost(**of(list(words))),
        arena_bytes=plan(spans(program.calls, program.sizes())).bytes,
        constants_bytes=len(program.constants),
        kernels=len(program.kernels),
        calls=len(program.calls),
        operators=rows,
        kinds=tuple(sorted(kinds, key=lambda kind: -kind.share)),
        unaccelerated=_slow(program, {row.name: row.share for row in rows}),
        remarks=texts[2:],
    )


def _slow(program: Program, share: dict[str, float]) -> tuple[Slow, ...]:
    """Notes of one reason together, the most expensive first."""
    found: dict[tuple[str, str], list[str]] = {}
    for note in notes(program):
        found.setdefault((note.what, note.why), []).append(note.operator)
    slow = [
        Slow(what, why, tuple(operators), sum(share.get(name, 0.0) for name in operators))
        for (what, why), operators in found.items()
    ]
    return tuple(sorted(slow, key=lambda item: -item.share))
