"""In which order a kernel reads its input and writes its result, which may then lie over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """All that is read from byte ``reads`` of the input on, before bytes below ``writes`` of the
    result are written; what earlier steps alone read is of no more use."""

    reads: int
    writes: int


def twice(steps: Sequence[Step]) -> list[Step]:
    """The steps of a kernel that writes some of each before it has read all of it."""
    return [step for step in steps for _ in range(2)]


def behind(steps: Sequence[Step], least: int) -> int:
    """How many bytes, at least, the result begins before the input so that nothing is lost.

    Less than 0: that much may be between the input's begin and that of the result; ``least`` is
    what a kernel gets that reads all before it writes.
    """
    found, still = least, None
    for step in reversed(steps):
        if still is not None:
            found = max(found, step.writes - still)
        still = step.reads if still is None else min(still, step.reads)
    return found
