"""A network in given bytes of RAM: whole where it fits, else partly in strips of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import CompileError
from ..lower.lower import lower
from ..lower.program import Program
from . import banks, entries
from .lifetimes import moments, spans
from .plan import Plan, Span, aligned, plan
from .strips import STRIPS, Budget, Choice, search

SHARES = (1.0, 0.95, 0.9, 0.85)
"""Of several banks, tried in this order: what is whole in one piece of RAM has gaps in two."""

AIMS = (1.0, 0.985, 0.97, 0.95)
"""Of the limit: plans have gaps."""

RATED = 6000
"""Choices that are rated before the search gives up, at some hundred a second."""


@dataclass(frozen=True)
class Fused:
    """The program of a graph in strips, and what it took.

    ``recomputed``: multiply-accumulates that are done twice, as a share of all.
    """

    program: Program
    between: frozenset[str]
    strips: int
    recomputed: float


def within(
    program: Program,
    ram: Sequence[int],
    around: Sequence[Span] = (),
    heat: Mapping[str, float] | None = None,
) -> tuple[Program, Plan]:
    """``program`` where the banks ``ram`` hold it and what is ``around``, else it in strips.

    Args:
        heat: as for ``banks.place``, of what is ``around``.

    Returns:
        The program, and where everything is.

    Raises:
        CompileError: neither fits; says what the whole network lacks.
    """

    def placed(program: Program) -> tuple[Program, Plan]:
        pieces = [*spans(program.calls), *around]
        hot = banks.heat(program) | dict(heat or {})
        return program, banks.place(pieces, ram, steps=moments(program.calls), heat=hot)

    try:
        return placed(program)
    except CompileError as error:
        for share in SHARES[: 1 if len(ram) == 1 else None]:
            fused = fit(program, int(share * sum(ram)), around)
            if fused is None:
                break
            try:
                return placed(fused.program)
            except CompileError:
                continue  # several banks have more gaps than one
        raise CompileError(f"{error}; in strips of rows it was not made to fit either") from None


def fit(program: Program, limit: int, around: Sequence[Span] = ()) -> Fused | None:
    """The same network in at most ``limit`` bytes, what is ``around`` included, or None.

    Deterministic: what is in strips is chosen by estimates, what is returned was planned. A bar on
    a terminal shows how much of the search is spent.
    """
    from tqdm import tqdm  # builds of the package, whose environment lacks it, give no RAM

    def tried(program: Program) -> Fused | None:
        options = {"desc": "strips of rows", "unit": "choice", "leave": False, "disable": None}
        # Where results lie over inputs the search may end before the one that takes them as apart.
        for shared in (True, False) if any(call.over for call in program.calls) else (False,):
            with tqdm(total=RATED, **options) as bar:
                found = _fit(program, limit, around, shared, Budget(RATED, bar.update))
            if found is not None:
                return found
        return None

    found = tried(program)
    if found is not None:
        return found
    # A strip of the first layers needs a strip of the input, which is in the caller's memory.
    return tried(lower(entries.run(program.graph), program.isa, program.tiles))


def _fit(
    program: Program, limit: int, around: Sequence[Span], shared: bool, budget: Budget
) -> Fused | None:
    beside = sum(span.size for span in aligned(around))
    for share in AIMS:
        aim = int(share * (limit - beside))
        for strips in STRIPS:
            found = search(Choice(program, program.graph, aim, strips, shared), budget)
            if found is None:
                continue
            for choice in sorted(found.alternatives(), key=lambda choice: choice.strips):
                choice = choice.without_needless()
                lowered = lower(choice.noted(), program.isa, program.tiles)
                pieces = [*spans(lowered.calls), *around]
                if plan(pieces, enough=limit).bytes <= limit:
                    return Fused(lowered, choice.between, choice.strips, choice.recomputed())
            break
    return None
