"""The search for tiles: for every kernel shape of a model a grid of its template's choices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import CompileError
from ..frontend.load import load
from ..graph import Op
from ..inspect.describe import window
from ..lower.lower import lower
from ..lower.program import Program, Served
from ..machines import measure
from ..pipeline import instruction_set, optimise
from ..targets import TARGETS, Target, resolve
from ..tiles import table as tiles
from ..tiles.candidates import candidates
from ..tiles.table import CYCLES, INSTRUCTIONS, TIME, Entry, Table
from . import trial

COSTS = {"time": TIME, "instructions": INSTRUCTIONS, "cycles": CYCLES}
MARGIN = {TIME: 0.03, INSTRUCTIONS: 0.005, CYCLES: 0.03}
"""What a tile must be better by than its template's own: times are noisy, cycles only a model."""

NEAR = 1.3
"""How much a template's own tile may cost beside the tuned one."""


@dataclass(frozen=True)
class Row:
    """One kernel shape of the model: how often it is called, its tile and the costs of a call.

    ``kernel`` is its key in the table, ``words`` the little that a reader wants.
    """

    kernel: str
    words: str
    calls: int
    tile: str
    default: float
    tuned: float


@dataclass(frozen=True)
class Tuned:
    """What a search came to; ``table`` is the file that builds read."""

    model: str
    target: str
    unit: str
    table: str
    rows: tuple[Row, ...]

    @property
    def default(self) -> float:
        """Cost of all calls with the templates' own tiles."""
        return sum(row.calls * row.default for row in self.rows)

    @property
    def tuned(self) -> float:
        """Cost of all calls with the table's tiles."""
        return sum(row.calls * row.tuned for row in self.rows)

    @property
    def near(self) -> int:
        """Shapes whose own tile costs at most ``NEAR`` times the tuned one."""
        return sum(row.default <= NEAR * row.tuned for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {**asdict(self), "default": self.default, "tuned": self.tuned, "near": self.near}


@dataclass(frozen=True)
class Work:
    """A shape to search: an operator that has it, and its calls in the network."""

    op: Op
    shape: Any
    calls: int


def tune(
    models: Sequence[Path],
    target: str = "host",
    *,
    cost: str | None = None,
    table: Path | None = None,
    again: bool = False,
    most: int = 32,
    rounds: int = 200,
    progress: bool = False,
) -> list[Tuned]:
    """Searches what the table lacks of the models' shapes, and writes it after each of them.

    Args:
        target: a target; of a family or ``host`` the best member that can be run.
        cost: one of ``COSTS``; None: time where the target runs here, else instructions.
        table: the file; None: the package's own of the target. It is made if absent.
        again: search also the shapes that the table has.
        most: candidates per shape, the template's own among them.
        rounds: timed runs of each candidate.

    Returns:
        One result per model.

    Raises:
        CompileError: no such target or cost, a model that cannot be compiled, a malformed table,
            an absent tool.
    """
    if cost is not None and cost not in COSTS:
        raise CompileError(f"cost {cost!r} is unknown; choose one of {', '.join(COSTS)}")
    if most < 2 or rounds < 2:
        raise CompileError(f"expected at least 2 candidates and rounds, got {most} and {rounds}")
    chosen, unit = _choose(target, cost)
    isa = instruction_set(chosen)
    if not isa.tiles:
        others = ", ".join(n for n, t in TARGETS.items() if instruction_set(t).tiles)
        raise CompileError(f"target {chosen.name}: its kernels take no tiles; tune one of {others}")
    programs = [lower(optimise(load(model)), isa) for model in models]
    work = [shapes(program) for program in programs]
    path = tiles.default_path(chosen.name) if table is None else table
    known = tiles.load(chosen.name, path) if path.exists() else Table(path, chosen.name)
    missing = {
        name: (program, found)
        for program, of in zip(programs, work, strict=True)
        for name, found in of.items()
        if again or name not in known.entries or known.entries[name].unit != unit
    }
    for name in _bar(list(missing), f"tiles for {chosen.name}", progress):
        program, found = missing[name]
        known = tiles.record(known, name, search(program, chosen, found, unit, most, rounds))

    def row(name: str, found: Work) -> Row:
        entry = known.entries[name]
        words = _title(found.shape)
        return Row(name, words, found.calls, str(entry.tile), entry.default, entry.tuned)

    return [
        Tuned(
            program.graph.name,
            chosen.name,
            unit,
            str(path),
            tuple(row(name, found) for name, found in of.items()),
        )
        for program, of in zip(programs, work, strict=True)
    ]


def shapes(program: Program) -> dict[str, Work]:
    """The shapes with a choice, by key."""
    ops: dict[Served, Op] = {op.ref: op for op in program.graph.ops}
    found: dict[str, Work] = {}
    for call in program.calls:
        shape = program.kernels[call.kernel]
        if hasattr(shape, "tile"):
            name = tiles.key(shape)
            before = found.get(name, Work(ops[call.of], shape, 0))
            found[name] = replace(before, calls=before.calls + 1)
    return found


def _title(shape: Any) -> str:
    """Kind, window, sizes and what is fused in."""
    x, y = (f"{v.height}x{v.width}x{v.channels}" for v in (shape.x, shape.y))
    kind = tiles.key(shape).partition(" ")[0]
    if hasattr(shape, "kernel"):
        kind += window(shape.kernel, shape.stride)
    fused = ["activation"] if getattr(shape, "activation", False) else []
    fused += ["add"] if getattr(shape, "other", None) else []
    return " + ".join((f"{kind} {x} -> {y}", *fused))


def search(
    program: Program, target: Target, work: Work, unit: str, most: int, rounds: int
) -> Entry:
    """The best tile of one shape; a candidate with other bytes than the template's own is out."""
    tiles = candidates(program.isa, work.shape, most)

    def best(outcomes: Sequence[trial.Outcome]) -> int:
        limit = outcomes[0].cost * (1 - MARGIN[unit])
        able = [i for i, o in enumerate(outcomes) if o.same and o.cost < limit]
        return min(able, key=lambda i: outcomes[i].cost, default=0)

    program = trial.program_of(program, work.op, tiles)
    if unit != TIME:
        outcomes = trial.counted(program, target, unit)
        winner = best(outcomes)
    else:
        contest = trial.timed(program, target, rounds)
        outcomes = contest(range(len(tiles)))
        winner = best(outcomes)
        # The least of many noisy times flatters, so the winner has to win alone as well.
        if winner:
            outcomes[0], outcomes[winner] = contest((0, winner))
            winner = winner if best((outcomes[0], outcomes[winner])) else 0
    digits = 3 if unit == TIME else None
    own, cost = (round(outcomes[which].cost, digits) for which in (0, winner))
    return Entry(tiles[winner], own, cost, unit)


def _choose(target: str, cost: str | None) -> tuple[Target, str]:
    """The target to tune for and the unit of its cost."""
    for candidate in resolve(target):
        here = measure.native(candidate)
        if cost in ("instructions", "cycles") or (cost is None and not here):
            return candidate, COSTS[cost or "instructions"]
        if here and measure.peak(candidate) is not None:
            return candidate, TIME
    raise CompileError(
        f"target {target}: this machine cannot run it, so there is no time; "
        f"for aarch64 take instructions or cycles"
    )


def _bar(names: Sequence[str], title: str, progress: bool) -> Iterable[str]:
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(names, title, unit="shape", disable=not progress)
    return bar
