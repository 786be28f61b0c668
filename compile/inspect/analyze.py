"""What a model needs on a target, layer by layer, and whether a board's memory holds it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..emit import firmware
from ..emit.codegen import write_object
from ..emit.library import emit, write_parts
from ..errors import CompileError
from ..files import workspace
from ..frontend.load import load
from ..lower.program import Program, Served
from ..machines.programs import find
from ..memory import banks, fit
from ..memory.lifetimes import spans, steps
from ..memory.plan import Plan, Span, aligned, live, plan
from ..pipeline import lowered, optimise
from ..targets import Target, resolve
from . import report
from .describe import described
from .unaccelerated import notes

STACK = 8192
"""Bytes of stack beside the arena if nobody says otherwise."""

ALWAYS = 2**31
"""A step after those of any program."""

AROUND = ("input buffer", "output buffer", "stack")
"""What RAM holds all the time besides the arena."""

HEAT = dict.fromkeys(AROUND, 1.0) | {"stack": 1e9}
"""Accesses per byte; only the order counts."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator, border or copy. ``flash``: code and constants that nothing before it uses;
    ``arena``: bytes of it that live meanwhile."""

    name: str
    kind: str
    fused: str
    shape: tuple[int, int, int] | None
    macs: int
    flash: int
    arena: int
    instructions: float | None = None
    cycles: float | None = None


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Where a tensor (or what is ``AROUND``) stands: bank, offset and bytes."""

    name: str
    bank: int
    offset: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """``missing`` says what does not fit; ``ram`` and ``flash`` are the bytes that there are."""

    model: str
    target: str
    macs: int
    arena_bytes: int
    ram_bytes: int
    flash_bytes: int
    ram: tuple[int, ...] | None
    flash: int | None
    missing: tuple[str, ...]
    bank_bytes: tuple[int, ...]
    placement: tuple[Tensor, ...]
    layers: tuple[Layer, ...]
    instructions: float | None
    cycles: float | None
    clock_mhz: float | None
    milliseconds: float | None
    unaccelerated: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether RAM and flash suffice, as far as their sizes were given."""
        return not self.missing

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "fits": self.fits}


def analyze(
    model: Path,
    target: str,
    *,
    ram: Sequence[int] | None = None,
    flash: int | None = None,
    clock_mhz: float | None = None,
    stack: int = STACK,
    run: bool = True,
) -> Analysis:
    """Compiles ``model`` for one target and counts what it needs.

    Args:
        ram: bytes of each bank, fastest first.
        run: count executed instructions in QEMU, where the tools are there.

    Raises:
        CompileError: a bad model (each unsupported operator by its node's name), a name that is
            not one target, no compiler for it.
    """
    members = resolve(target)
    if len(members) != 1:
        names = ", ".join(member.name for member in members)
        raise CompileError(f"target {target}: expected one target, such as one of {names}")
    chosen = members[0]
    graph = optimise(load(model))
    program = lowered(graph, chosen)
    around = _around(program, stack)
    missing: list[str] = []
    placed = None
    if ram:
        try:
            program, placed = fit.within(program, ram, around, HEAT)
        except CompileError as error:
            missing.append(f"{error}; counted are also {', '.join(AROUND)}")
    arena = spans(program.calls)
    everything = [*arena, *around]
    in_one = plan(everything)
    if not ram:
        placed = banks.place(everything, [in_one.bytes])
    with workspace() as work:
        code, flash_bytes = _flash(program, chosen, work)
    if flash is not None and flash_bytes > flash:
        missing.append(
            f"flash: the model has {flash_bytes:,} bytes, there are {flash:,}: "
            f"{flash_bytes - flash:,} bytes are missing"
        )
    costs, remarks = _counted(program, chosen) if run else ([], ("not run",))
    layers = _layers(program, arena, code, costs)
    instructions = sum(layer.instructions or 0 for layer in layers) if costs else None
    modelled = bool(costs) and all(layer.cycles is not None for layer in layers)
    cycles = sum(layer.cycles or 0 for layer in layers) if modelled else None
    return Analysis(
        model=graph.name,
        target=chosen.name,
        macs=sum(layer.macs for layer in layers),
        arena_bytes=plan(arena).bytes,
        ram_bytes=in_one.bytes,
        flash_bytes=flash_bytes,
        ram=tuple(ram) if ram else None,
        flash=flash,
        missing=tuple(missing),
        bank_bytes=placed.sizes if placed else (),
        placement=_placement(everything, placed),
        layers=layers,
        instructions=instructions,
        cycles=cycles,
        clock_mhz=clock_mhz,
        milliseconds=cycles / (1e3 * clock_mhz) if cycles and clock_mhz else None,
        unaccelerated=tuple((str(n.operator), n.what, n.why) for n in notes(program)),
        remarks=(*program.graph.notes[len(graph.notes) :], *remarks),
    )


def _around(program: Program, stack: int) -> list[Span]:
    graph = program.graph
    found = []
    for word, tensors in zip(AROUND, (graph.inputs, graph.outputs), strict=False):
        for number, name in enumerate(tensors):
            label = word if len(tensors) == 1 else f"{word} {number}"
            found.append(Span(label, graph.tensors[name].bytes, 0, ALWAYS))
    return [*found, Span(AROUND[-1], stack, 0, ALWAYS)]


def _placement(everything: list[Span], placed: Plan | None) -> tuple[Tensor, ...]:
    if placed is None:
        return ()
    found = [
        Tensor(
            name=span.name,
            bank=placed.banks.get(span.name, 0),
            offset=placed.offsets[span.name],
            bytes=span.size,
        )
        for span in everything
    ]
    return tuple(sorted(found, key=lambda tensor: (tensor.bank, tensor.offset)))


def _flash(program: Program, target: Target, work: Path) -> tuple[dict[str, int], int]:
    """Bytes of each kernel's code, and of the whole model as it is linked into an image."""
    write_object(program, target, work / "kernels.o")
    if target.firmware:
        names = firmware.tool(target, "nm", work, "-S", "kernels.o")
        symbol = firmware.symbol(program.graph)
        write_parts(program, target, work, symbol=symbol)
        firmware.archive(program, target, work)
        total = firmware.flash_bytes(target, work / "model.o")
    else:
        nm = find(("nm",), "binutils", f"sizes of {target.name}")
        names = subprocess.run(
            [nm, "-S", "kernels.o"], cwd=work, capture_output=True, text=True, check=True
        ).stdout
        emit(program, target, work / "model.so")
        total = (work / "model.so").stat().st_size
    rows = [line.split() for line in names.splitlines()]
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4}, total


def _counted(
    program: Program, target: Target
) -> tuple[list[tuple[float, float | None]], tuple[str, ...]]:
    """(instructions, cycles) of what ``described`` lists, and what is to be said about them."""
    try:
        done = report.counted(program, target)
    except CompileError as error:
        return [], (f"instructions are left out: {error}",)
    return [(row.cost, row.cycles) for row in done.operators], done.remarks


def _layers(
    program: Program,
    arena: list[Span],
    code: dict[str, int],
    costs: list[tuple[float, float | None]],
) -> tuple[Layer, ...]:
    starts = {p.offset for call in program.calls for p in call.arguments if p.base == "constants"}
    ends = dict(zip(sorted(starts), [*sorted(starts)[1:], len(program.constants)], strict=True))
    flash: dict[Served, int] = {}
    needed: dict[Served, int] = {}
    seen: set[object] = set()
    sized = aligned(arena)
    for step, call in zip(steps(program.calls), program.calls, strict=True):
        of = call.of.whole
        needed[of] = max(needed.get(of, 0), live(sized, step))
        flash.setdefault(of, 0)
        if call.kernel not in seen:
            seen.add(call.kernel)
            flash[of] += code.get(program.kernel_name(call.kernel), 0)
        for pointer in call.arguments:
            if pointer.base == "constants" and ("constant", pointer.offset) not in seen:
                seen.add(("constant", pointer.offset))
                flash[of] += ends[pointer.offset] - pointer.offset
    return tuple(
        Layer(
            name=str(of),
            kind=word.kind,
            fused=word.fused,
            shape=word.shape,
            macs=word.macs,
            flash=flash[of],
            arena=needed[of],
            instructions=costs[number][0] if costs else None,
            cycles=costs[number][1] if costs else None,
        )
        for number, (of, word) in enumerate(described(program).items())
    )
