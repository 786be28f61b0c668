"""From when to when each piece of arena is needed; the strips of a chain are laid on each other.

All strips of a chain do the same in the same order, so pieces of one strip may stand where those of
the others did: the arena is planned for a single strip, with the largest size that a piece has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..lower.program import Call, Served
from .plan import Span

Overlap = tuple[str, int]
"""What a result may lie over, and how many bytes before it the result begins at least."""


def steps(calls: Sequence[Call]) -> list[int]:
    """The step of each call; those of one operator in all strips of a chain are one step."""
    found: list[int] = []
    known: dict[tuple[int, Served], int] = {}
    for chain, call in zip(_chains(calls), calls, strict=True):
        # Outside of strips an operator may have several calls, and each is a chain.
        found.append(known.setdefault((chain, call.of.whole), len(known)))
    return found


def moments(calls: Sequence[Call]) -> list[str]:
    """What is done at each step."""
    first = {step: str(call.of) for call, step in zip(calls, steps(calls), strict=True)}
    return [first[step] for step in sorted(first)]


def spans(calls: Sequence[Call]) -> list[Span]:
    """Size and lifetime of each whole piece of arena: from its first step to its last."""
    places, chains = steps(calls), _chains(calls)
    extent: dict[int, tuple[int, int]] = {}
    for chain, step in zip(chains, places, strict=True):
        start, end = extent.get(chain, (step, step))
        extent[chain] = min(start, step), max(end, step)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    size: dict[str, int] = {}
    for call, chain, step in zip(calls, chains, places, strict=True):
        for piece in call.pieces:
            name = piece.whole
            # What several strips see is needed from the first one's start to the last one's end.
            start, end = (step, step) if piece.strip else extent[chain]
            first[name] = min(first.get(name, start), start)
            last[name] = max(last.get(name, end), end)
            size[name] = max(size.get(name, 0), piece.bytes)
    behind = _behind(calls, places)
    found = []
    for name in first:
        over, distance = behind.get((name, first[name]), (None, 0))
        shares = over is not None and last[over] == first[name]
        span = Span(name, size[name], first[name], last[name])
        found.append(replace(span, over=over, behind=distance) if shares else span)
    return found


def _behind(calls: Sequence[Call], places: Sequence[int]) -> dict[tuple[str, int], Overlap]:
    """By a result's name and its step: what it may lie over, in all strips alike."""
    found: dict[tuple[str, int], Overlap] = {}
    apart: set[int] = set()
    for call, step in zip(calls, places, strict=True):
        over = call.over
        # What several strips read, or write, is not read and written in one order by one call.
        if over is None or not (call.of.strip is None or (over.x.strip and over.y.strip)):
            apart.add(step)
            continue
        name, distance = found.get((over.y.whole, step), (over.x.whole, over.behind))
        if name != over.x.whole:
            apart.add(step)
        found[over.y.whole, step] = name, max(distance, over.behind)
    return {key: value for key, value in found.items() if key[1] not in apart}


def _chains(calls: Sequence[Call]) -> list[int]:
    """The number of each call's chain; a call that is of no strip is one by itself."""
    found: list[int] = []
    before: int | None = None
    for call in calls:
        strip = call.of.strip
        same = strip is not None and before is not None and strip >= before
        found.append(found[-1] if same else found[-1] + 1 if found else 0)
        before = strip
    return found
