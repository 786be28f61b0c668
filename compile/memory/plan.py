"""Arena offsets: a small search over packing orders against the lower bound of live bytes.

A result may lie over the input that its operator is the last to read (Bhattacharya et al. call it
diagonal memory, arXiv 2010.01668), if it begins far enough before it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

ALIGNMENT = 64
SLACK = 64
"""Bytes past the last tensor that vector loads of the kernels may touch."""

FARTHER, EARLIER = 0.3, 0.8
"""Chances of the search: to move one that lives with the chosen one, and to move it forward."""


@dataclass(frozen=True)
class Span:
    """A piece of arena: ``size`` bytes, needed from step ``first`` to step ``last`` inclusive.

    ``over`` names one that is needed last at step ``first``: they may share bytes if this one
    begins ``behind`` bytes before it, or earlier.
    """

    name: str
    size: int
    first: int
    last: int
    over: str | None = None
    behind: int = 0

    def meets(self, other: Span) -> bool:
        return self.first <= other.last and other.first <= self.last

    def gap(self, other: Span) -> int:
        """How far this one begins before ``other``, at least, where it does not begin behind it."""
        return min(self.size, self.behind) if self.over == other.name else self.size

    def shared(self, other: Span) -> int:
        """Bytes that this one and the one it is over can have in common."""
        together = max(self.size, other.size + max(0, self.gap(other)))
        return self.size + other.size - together


@dataclass(frozen=True)
class Plan:
    """Byte offset of each span, the arena's size and the bound no plan can beat.

    With several RAM banks (banks.py) ``banks`` has the bank of each span and ``sizes`` the bytes of
    each bank that are used, which ``bytes`` sums up.
    """

    offsets: dict[str, int]
    bytes: int
    lower_bound: int
    banks: dict[str, int] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many pieces the arena has, 0 if it is one: the field ``banks`` of pv_model."""
        return len(self.sizes) if len(self.sizes) > 1 else 0


def plan(spans: Sequence[Span], enough: int = 0, rounds: int = 4, attempts: int = 4000) -> Plan:
    """First-fit packing in several orders, and a search from the best of them.

    Stops at the lower bound (most bytes live at once), or at ``enough`` bytes if that is more.
    Deterministic: the same spans give the same plan.
    """
    spans = aligned(spans)
    end = max((span.last for span in spans), default=0)
    always = [span for span in spans if span.first == 0 and span.last == end]
    base = 0
    below: dict[str, int] = {}
    for span in always:  # whatever the others do, these are in nobody's way at the bottom
        below[span.name] = base
        base += span.size
    packing = _Packing([span for span in spans if span not in always])
    bound = packing.bound()
    target = max(bound, (enough - SLACK - base) // ALIGNMENT * ALIGNMENT)
    best: _Packed | None = None
    for orders in packing.orders():
        own = min((packing.pack(order, target) for order in orders), key=_rank)
        for seed in range(rounds):
            if own.height <= target:
                break
            own = min(own, packing.search(own, target, random.Random(seed), attempts), key=_rank)
        best = min(best or own, own, key=_rank)
        if best.height <= target:
            break
    assert best is not None
    above = zip(packing.spans, best.offsets, strict=True)
    offsets = below | {span.name: base + offset for span, offset in above}
    return Plan(offsets, base + best.height + SLACK, base + bound + SLACK)


@dataclass(frozen=True)
class _Packed:
    """Offsets that an order of spans (by number) leads to; ``over``: bytes above the target,
    summed over the spans that reach there."""

    order: list[int]
    offsets: list[int]
    height: int
    over: int


def _rank(packed: _Packed) -> tuple[int, int]:
    return packed.height, packed.over


class _Packing:
    """Spans and, for each, the numbers of those that live with it."""

    def __init__(self, spans: list[Span]):
        self.spans = spans
        self.sizes = [span.size for span in spans]
        self.beside = [
            [
                number
                for number, other in enumerate(spans)
                if other is not span and other.meets(span)
            ]
            for span in spans
        ]
        self.gaps = [
            [(number, span.gap(spans[number]), spans[number].gap(span)) for number in numbers]
            for span, numbers in zip(spans, self.beside, strict=True)
        ]

    def bound(self) -> int:
        steps = {span.first for span in self.spans}
        return max((live(self.spans, step) for step in steps), default=0)

    def orders(self) -> list[list[list[int]]]:
        """By size, by size and lifetime, by time, by lifetime; the same, results first that may
        lie over inputs: what comes later may stand behind them, but hardly before."""
        keys: list[Callable[[Span], tuple[Any, ...]]] = [
            lambda s: (-s.size, s.first, s.name),
            lambda s: (-s.size * (s.last - s.first + 1), s.name),
            lambda s: (s.first, -s.size, s.name),
            lambda s: (s.first - s.last, -s.size, s.name),
        ]
        numbered = [[(key(span), n) for n, span in enumerate(self.spans)] for key in keys]
        plain = [[number for _, number in sorted(pairs)] for pairs in numbered]
        places = {span.name: number for number, span in enumerate(self.spans)}
        over = {places.get(s.over): number for number, s in enumerate(self.spans) if s.over}
        if not over:
            return [plain]
        return [plain, [list(dict.fromkeys(_results_first(order, over))) for order in plain]]

    def pack(self, order: list[int], target: int) -> _Packed:
        """Each span at the lowest offset that is free all its life."""
        sizes, offsets = self.sizes, [-1] * len(self.spans)
        height = over = 0
        for number in order:
            size = sizes[number]
            offset = first_free(
                [
                    (offsets[n] - before, offsets[n] + after)
                    for n, before, after in self.gaps[number]
                    if offsets[n] >= 0
                ]
            )
            offsets[number] = offset
            height = max(height, offset + size)
            over += max(0, offset + size - target)
        return _Packed(order, offsets, height, over)

    def search(
        self, start: _Packed, target: int, generator: random.Random, attempts: int
    ) -> _Packed:
        """Gives a span that reaches above the target, or one that lives with it, another turn."""
        best = found = start
        for _ in range(attempts):
            if best.height <= target:
                break
            above = [n for n, at in enumerate(found.offsets) if at + self.sizes[n] > target]
            top = generator.choice(above)
            moved = generator.choice([top, *self.beside[top]])
            if self.beside[moved] and generator.random() < FARTHER:
                moved = generator.choice(self.beside[moved])
            order = [number for number in found.order if number != moved]
            earlier = generator.random() < EARLIER
            turns = found.order.index(moved) + 1 if earlier else len(order) + 1
            order.insert(generator.randrange(turns), moved)
            trial = self.pack(order, target)
            if (trial.over, trial.height) <= (found.over, found.height):
                found = trial
                best = min(best, found, key=_rank)
        return best


def _results_first(order: list[int], over: Mapping[int | None, int]) -> Iterator[int]:
    """``over``: by the number of an input that of the result over it."""
    for number in order:
        chain = [number]
        while chain[-1] in over:
            chain.append(over[chain[-1]])
        yield from chain[::-1]


def first_free(taken: list[tuple[int, int]]) -> int:
    """The lowest offset from 0 on that is strictly within none of the ranges ``taken``."""
    offset = 0
    for start, end in sorted(taken):
        if offset <= start:
            break
        offset = max(offset, end)
    return offset


def live(spans: Sequence[Span], step: int) -> int:
    """Bytes that ``spans`` take at a step at least, where they share what they can."""
    here = {span.name: span for span in spans if span.first <= step <= span.last}
    over = [span for span in here.values() if span.first == step and span.over in here]
    shared = sum(span.shared(here[span.over]) for span in over if span.over)
    return sum(span.size for span in here.values()) - shared


def aligned(spans: Sequence[Span]) -> list[Span]:
    """The spans with sizes, and how far they begin before others, rounded up to ``ALIGNMENT``."""
    return [replace(s, size=_up(s.size), behind=_up(s.behind)) for s in spans]


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
