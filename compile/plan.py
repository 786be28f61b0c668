"""Arena offsets: a small search over packing orders against the lower bound of live bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass

ALIGNMENT = 64
SLACK = 64
"""Bytes past the last tensor that vector loads of the kernels may touch."""


@dataclass(frozen=True)
class Span:
    """A piece of arena: ``size`` bytes, needed from step ``first`` to step ``last`` inclusive."""

    name: str
    size: int
    first: int
    last: int

    def meets(self, other: Span) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """Byte offset of each span, the arena's size and the bound no plan can beat."""

    offsets: dict[str, int]
    bytes: int
    lower_bound: int


def plan(spans: list[Span], attempts: int = 200, seed: int = 0) -> Plan:
    """First-fit packing in several orders; stops at the lower bound (most bytes live at once).

    Deterministic: the same spans give the same plan.
    """
    spans = [Span(s.name, -(-s.size // ALIGNMENT) * ALIGNMENT, s.first, s.last) for s in spans]
    steps = sorted({s.first for s in spans})
    bound = max((sum(s.size for s in spans if s.first <= t <= s.last) for t in steps), default=0)
    orders = [
        sorted(spans, key=lambda s: (-s.size, s.first, s.name)),
        sorted(spans, key=lambda s: (-s.size * (s.last - s.first + 1), s.name)),
        sorted(spans, key=lambda s: (s.first, -s.size, s.name)),
        sorted(spans, key=lambda s: (s.first - s.last, -s.size, s.name)),
    ]
    best = min((_pack(order) for order in orders), key=_height)
    order = min(orders, key=lambda o: _height(_pack(o)))
    generator = random.Random(seed)
    for _ in range(attempts if len(spans) > 1 else 0):
        if _height(best) == bound:
            break
        trial = order[:]
        first, second = generator.sample(range(len(trial)), 2)
        trial.insert(first, trial.pop(second))
        packed = _pack(trial)
        if _height(packed) <= _height(best):
            best, order = packed, trial
    offsets = {span.name: offset for offset, span in best}
    return Plan(offsets, _height(best) + SLACK, bound + SLACK)


def _pack(order: list[Span]) -> list[tuple[int, Span]]:
    placed: list[tuple[int, Span]] = []
    for span in order:
        offset = 0
        for start, other in sorted((p for p in placed if p[1].meets(span)), key=lambda p: p[0]):
            if offset + span.size <= start:
                break
            offset = max(offset, start + other.size)
        placed.append((offset, span))
    return placed


def _height(placed: list[tuple[int, Span]]) -> int:
    return max((offset + span.size for offset, span in placed), default=0)
