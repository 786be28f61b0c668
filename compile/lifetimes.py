"""From when to when each piece of arena is needed; the strips of a chain are laid on each other.

All strips of a chain do the same in the same order, so pieces of one strip may stand where those of
the others did: the arena is planned for a single strip, with the largest size that a piece has.
"""

from __future__ import annotations

from collections.abc import Sequence

from .graph import strip_of, whole
from .lower import Call
from .plan import Span


def steps(calls: Sequence[Call]) -> list[int]:
    """The step of each call; those of one operator in all strips of a chain are one step."""
    found: list[int] = []
    here: dict[str, int] = {}
    before: int | None = None
    count = 0
    for call in calls:
        strip = strip_of(call.op)
        if strip is None or before is None or strip < before:
            here = {}
        before = strip
        step = here.setdefault(whole(call.op), count) if strip is not None else count
        count = max(count, step + 1)
        found.append(step)
    return found


def moments(calls: Sequence[Call]) -> list[str]:
    """What is done at each step."""
    first = {step: whole(call.op) for call, step in zip(calls, steps(calls), strict=True)}
    return [first[step] for step in sorted(first)]


def spans(calls: Sequence[Call], sizes: dict[str, int]) -> list[Span]:
    """Size and lifetime of each root, by the name of the whole: from its first step to its last."""
    places = steps(calls)
    chain = _chains(calls, places)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    size: dict[str, int] = {}
    for call, step in zip(calls, places, strict=True):
        for pointer in call.arguments:
            if pointer.base != "arena":
                continue
            name = whole(pointer.root)
            # What several strips see is needed from the first one's start to the last one's end.
            start, end = (step, step) if strip_of(pointer.root) is not None else chain[step]
            first[name] = min(first.get(name, start), start)
            last[name] = max(last.get(name, end), end)
            size[name] = max(size.get(name, 0), sizes[pointer.root])
    return [Span(name, size[name], first[name], last[name]) for name in first]


def _chains(calls: Sequence[Call], places: Sequence[int]) -> dict[int, tuple[int, int]]:
    """First and last step of the chain that a step belongs to, or itself twice."""
    found: dict[int, tuple[int, int]] = {}
    members: set[int] = set()
    before: int | None = None
    for call, step in zip(calls, places, strict=True):
        strip = strip_of(call.op)
        if strip is None or before is None or strip < before:
            members = set()
        before = strip
        members.add(step)
        found |= dict.fromkeys(members, (min(members), max(members)))
    return found
