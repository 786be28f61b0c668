"""The search for maps that exist in strips alone: by steps, each the best of those around.

At the moment when most bytes live, whichever takes most off what is too much: putting maps that
live then into strips, or moving an operator whose result only waits there. Bytes are estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..graph import Concat, Graph, Op, OpRef, Rows, Stack, macs
from ..lower.layout import assign
from ..lower.program import Program
from ..lower.prologues import is_prologue
from . import rows
from .plan import ALIGNMENT, SLACK
from .sharing import Sharing

STRIPS = (4, 2, 3, 6, 8, 12, 16)
"""Tried in this order until one number of strips does."""


@dataclass
class Budget:
    """How many choices may still be rated: a search that finds nothing has to end too."""

    left: int
    spent: Callable[[], object] = lambda: None
    """Called for every choice."""


@dataclass(frozen=True)
class Choice:
    """An order of the whole graph's operators, and which tensors are in how many strips.

    ``shared``: it is rated with results that lie over inputs.
    """

    program: Program
    whole: Graph
    aim: int
    strips: int
    shared: bool
    between: frozenset[str] = frozenset()

    def graph(self) -> Graph:
        made = rows.run(self.whole, self.between, self.strips)
        assert made is not None  # _rated said so
        return made

    def recomputed(self) -> float:
        return macs(self.graph()) / macs(self.whole) - 1

    def noted(self) -> Graph:
        """The graph, and in its notes what it costs."""
        graph = self.graph().validate()
        count = len(self.between)
        tensors = "1 tensor is" if count == 1 else f"{count} tensors are"
        note = (
            f"{tensors} made and read in {self.strips} strips of rows, so "
            f"that the arena fits: {self.recomputed():.1%} more multiply-accumulates"
        )
        return replace(graph, notes=(*graph.notes, note))

    def alternatives(self) -> Iterator[Choice]:
        """This one, and those of fewer strips that fit too."""
        for strips in STRIPS:
            choice = replace(self, strips=strips)
            if strips <= self.strips and (rated := _rated(choice)) and not rated.excess:
                yield choice

    def without_needless(self) -> Choice:
        """As few tensors in strips as fit."""
        choice = self
        for name in sorted(self.between):
            less = replace(choice, between=choice.between - {name})
            if (rated := _rated(less)) and not rated.excess:
                choice = less
        return choice


@dataclass(frozen=True)
class Rated:
    """``excess``: bytes above the aim, summed over the operators of the whole graph; ``fullest``:
    the name of the one at which most live."""

    excess: int
    fullest: str


def search(choice: Choice, budget: Budget) -> Choice | None:
    """From ``choice`` to one without excess, or None where the steps lead to none."""
    rated = _rated(choice)
    while rated and rated.excess:
        steps = list(_rated_steps(choice, rated, budget))
        best = min(steps, key=lambda pair: pair[0].excess, default=None)
        if best is None or best[0].excess >= rated.excess:
            # One step may only pay after another, as where an order has to change first.
            pairs = (second for first in steps for second in _rated_steps(*first[::-1], budget))
            best = min(pairs, key=lambda pair: pair[0].excess, default=None)
        if best is None or best[0].excess >= rated.excess:
            return None
        rated, choice = best
    return choice


def _rated_steps(choice: Choice, rated: Rated, budget: Budget) -> Iterator[tuple[Rated, Choice]]:
    for step in _steps(choice, rated.fullest):
        if budget.left <= 0:
            return
        budget.left -= 1
        budget.spent()
        if found := _rated(step):
            yield found, step


def _steps(choice: Choice, moment: str) -> Iterator[Choice]:
    """What could help at the operator ``moment`` and its chain."""
    graph, between = choice.whole, choice.between
    places = assign(graph).places
    order = {op.output: index for index, op in enumerate(graph.ops)}
    joined = rows.chains(graph, between)
    (here,) = (joined[op.output] for op in graph.ops if op.name == moment)
    start, end = order[here[0].output], order[here[-1].output]
    lives = _lifetimes(graph.ops, lambda name: places[name][0])
    pieces: dict[str, list[str]] = {root: [] for root in lives}
    for name in graph.tensors:
        if places[name][0] in pieces:
            pieces[places[name][0]].append(name)
    joins = {op.output for op in graph.ops if isinstance(op, Concat)}
    for root, members in pieces.items():
        if lives[root][0] <= end and start <= lives[root][1]:
            able = frozenset(n for n in members if rows.possible(graph, n)) - between
            parts = [name for name in sorted(able) if name not in joins]
            some = [able, *(able - {name} for name in parts)]
            for more in dict.fromkeys([*some, *(_read_by(graph, m, between) for m in some)]):
                if more:
                    yield replace(choice, between=between | _level(graph, more, between))
    for op in graph.ops[:start]:
        readers = [order[reader.output] for reader in graph.consumers()[op.output]]
        if readers and op.output not in between and min(readers) > end:
            yield replace(choice, whole=_moved(graph, op, end))


def _lifetimes(ops: Sequence[Op], root: Callable[[str], str]) -> dict[str, tuple[int, int]]:
    """First and last of ``ops`` that touch a piece of arena, by the name of its root."""
    found: dict[str, tuple[int, int]] = {}
    for index, op in enumerate(ops):
        for name in map(root, (*op.inputs, op.output)):
            found[name] = found.get(name, (index, index))[0], index
    return found


def _moved(graph: Graph, op: Op, behind: int) -> Graph:
    ops = list(graph.ops)
    ops.insert(behind + 1, op)
    ops.remove(op)
    return replace(graph, ops=tuple(ops))


def _read_by(graph: Graph, more: frozenset[str], between: frozenset[str]) -> frozenset[str]:
    """``more`` and what nothing but its producers reads; the parts of a concatenation stay."""
    producers = [graph.producers()[result] for result in more]
    inputs = {name for op in producers if not isinstance(op, Concat) for name in op.inputs}
    alone = {
        name
        for name in inputs - between
        if rows.possible(graph, name)
        and all(reader.output in more | between for reader in graph.consumers()[name])
    }
    return more | alone


def _level(graph: Graph, more: frozenset[str], between: frozenset[str]) -> frozenset[str]:
    """``more`` with what is higher than other results of its chains, so that these agree."""
    while True:
        joined = rows.chains(graph, between | more)
        higher: set[str] = set()
        for name in more:
            results = [op.output for op in joined[name] if op.output not in between | more]
            least = min(graph.tensors[result].height for result in results)
            higher |= {result for result in results if graph.tensors[result].height > least}
        if not higher or not all(rows.possible(graph, name) for name in higher):
            return more
        more |= higher


def _rated(choice: Choice) -> Rated | None:
    """What a choice would need, or None if it has no order."""
    program = choice.program
    graph = rows.run(choice.whole, choice.between, choice.strips)
    if graph is None:
        return None
    layout = assign(graph, choice.program.isa.packed)
    ops = [op for op in graph.ops if not isinstance(op, Rows | Stack)]

    moved = {
        op.output: op.inputs[0]
        for op in ops
        if (graph.tensors[op.output].whole or op.output) in program.prologues
        and is_prologue(program.isa, graph, layout, op)
    }

    def root(name: str) -> str:
        """Where a tensor stands; a rescale that is done by its readers has no place."""
        return layout.places[moved.get(name, name)][0]

    lives = _lifetimes(ops, root)
    lent = {root(name) for name in graph.lent()}
    for name in map(root, graph.inputs):
        lives[name] = 0, lives.get(name, (0, 0))[1]
    for name in map(root, graph.outputs):
        lives[name] = lives.get(name, (0, 0))[0], len(ops)
    lives = {name: life for name, life in lives.items() if name not in graph.stored() | lent}
    scratches = program.scratches
    sharing = Sharing.of(program) if choice.shared else None
    change = [0] * (len(ops) + 2)
    change[0] = SLACK
    for name, (start, end) in lives.items():
        size = -(-layout.roots[name].bytes // ALIGNMENT) * ALIGNMENT
        change[start] += size
        change[end + 1] -= size
    most: dict[str, int] = {}
    live = 0
    for op, step in zip(ops, change, strict=False):
        live += step
        name = op.name
        scratch = scratches.get(OpRef(name))
        here = live + ALIGNMENT + (scratch.bytes if scratch else 0)
        if sharing is not None:
            source = moved.get(op.inputs[0], op.inputs[0])
            here -= sharing.bytes(graph, layout, op, source, lives)
        most[name] = max(most.get(name, 0), here)
    excess = sum(max(0, size - choice.aim) for size in most.values())
    return Rated(excess, max(most, key=most.__getitem__))
