"""Arena offsets: a small search over packing orders against the lower bound of live bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

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


def plan(spans: list[Span], attempts: int = 1500, seed: int = 2) -> Plan:
    """First-fit packing in several orders; stops at the lower bound (most bytes live at once).

    Deterministic: the same spans give the same plan. On PocketNetS-128 the default seed reaches the
    bound in some 600 attempts, where two others stay 6 % above it.
    """
    spans = aligned(spans)
    steps = sorted({s.first for s in spans})
    bound = max((sum(s.size for s in spans if s.first <= t <= s.last) for t in steps), default=0)
    orders = [
        sorted(spans, key=lambda s: (-s.size, s.first, s.name)),
        sorted(spans, key=lambda s: (-s.size * (s.last - s.first + 1), s.name)),
        sorted(spans, key=lambda s: (s.first, -s.size, s.name)),
        sorted(spans, key=lambda s: (s.first - s.last, -s.size, s.name)),
    ]
    order = min(orders, key=lambda o: _height(_pack(o)))
    best = _pack(order)
    generator = random.Random(seed)
    for _ in range(attempts):
        if _height(best) == bound:
            break
        # What stands on top is in the way: give one such span, or one below it, an earlier turn.
        height = _height(best)
        tops = [span for offset, span in best if offset + span.size == height]
        top = generator.choice(tops)
        moved = generator.choice([top, *(s for s in order if s.meets(top))])
        trial = [span for span in order if span is not moved]
        trial.insert(generator.randrange(order.index(moved) + 1), moved)
        packed = _pack(trial)
        if _height(packed) <= height:
            best, order = packed, trial
    offsets = {span.name: offset for offset, span in best}
    return Plan(offsets, _height(best) + SLACK, bound + SLACK)


def aligned(spans: Sequence[Span]) -> list[Span]:
    """The spans with sizes rounded up to ``ALIGNMENT``."""
    return [Span(s.name, -(-s.size // ALIGNMENT) * ALIGNMENT, s.first, s.last) for s in spans]


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
