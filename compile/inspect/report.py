"""The report on a compiled model: what every operator costs on a target, and what is not fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CompileError
from ..frontend.load import load
from ..lower.program import Program, Served
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
    peak = target.products
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
    calls: dict[Served, list[int]] = {}
    for place, call in enumerate(program.calls):
        calls.setdefault(call.of.whole, []).append(place)
    single = {of: cost(places)["cost"] for of, places in calls.items()}
    everything = sum(single.values())
    words = described(program)

    def of(served: Sequence[Served]) -> dict[str, Any]:
        values = cost([place for one in served for place in calls[one]])
        macs = sum(words[one].macs for one in served)
        share = 100 * sum(single[one] for one in served) / everything
        reached = 100 * macs / (peak * values["cost"]) if values["cost"] else 0.0
        return {"macs": macs, "share": share, "peak": reached, **values}

    rows = tuple(
        Row(**of([one]), name=str(one), kind=word.kind, fused=word.fused, shape=word.shape)
        for one, word in words.items()
    )
    groups: dict[str, list[Served]] = {}
    for one, word in words.items():
        groups.setdefault(word.kind, []).append(one)
    kinds = [Kind(**of(all_), kind=kind, operators=len(all_)) for kind, all_ in groups.items()]
    return Report(
        model=program.graph.name,
        source_sha256=program.graph.sha256,
        target=target.name,
        unit=texts[0],
        peak=texts[1],
        total=Cost(**of(list(words))),
        arena_bytes=plan(spans(program.calls)).bytes,
        constants_bytes=len(program.constants),
        kernels=len(program.kernels),
        calls=len(program.calls),
        operators=rows,
        kinds=tuple(sorted(kinds, key=lambda kind: -kind.share)),
        unaccelerated=_slow(program, {one: of([one])["share"] for one in words}),
        remarks=texts[2:],
    )


def _slow(program: Program, share: dict[Served, float]) -> tuple[Slow, ...]:
    """Notes of one reason together, the most expensive first."""
    found: dict[tuple[str, str], list[Served]] = {}
    for note in notes(program):
        found.setdefault((note.what, note.why), []).append(note.operator)
    slow = [
        Slow(what, why, tuple(map(str, served)), sum(share.get(one, 0.0) for one in served))
        for (what, why), served in found.items()
    ]
    return tuple(sorted(slow, key=lambda item: -item.share))
