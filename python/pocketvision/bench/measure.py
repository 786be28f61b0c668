"""The measuring loop: one pinned core, runners in turn, medians, quartiles and deciles."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

STEADY = 1 / 3
"""Interquartile range, as a share of the median, above which a median says little."""


@dataclass(frozen=True)
class Timing:
    """Median, quartiles and lowest decile of one runner's times, in milliseconds.

    ``fast``: a tenth of the rounds took less. Where others use the machine it moves less than the
    median.
    """

    median: float
    lower: float
    upper: float
    fast: float

    @property
    def spread(self) -> float:
        """Interquartile range, in milliseconds."""
        return self.upper - self.lower

    @property
    def steady(self) -> bool:
        """Whether the spread is at most ``STEADY`` of the median; else measure again."""
        return self.spread <= STEADY * self.median


@contextmanager
def pinned() -> Iterator[int | None]:
    """Keeps this thread, and those it starts, on the last core it may use; yields its number.

    Yields None where the system cannot pin. The former affinity returns at the end.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield None
        return
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def interleave(runs: Sequence[Callable[[], object]], rounds: int) -> list[Timing]:
    """``take_turns`` with a stopwatch for each of ``runs``."""
    return take_turns([stopwatch(run) for run in runs], rounds)


def stopwatch(run: Callable[[], object]) -> Callable[[], float]:
    """A call that runs ``run`` twice and returns the milliseconds of the second time.

    The untimed call comes first so that caches hold the runner's own weights and not those of its
    neighbour in the round.
    """

    def timed() -> float:
        run()
        start = time.perf_counter_ns()
        run()
        return (time.perf_counter_ns() - start) / 1e6

    return timed


def take_turns(timed: Sequence[Callable[[], float]], rounds: int) -> list[Timing]:
    """Calls each of ``timed`` once per round, in an order that shifts from round to round.

    Each returns its own milliseconds, as one in a child process measures them there. What disturbs
    the machine for a while then meets all of them alike.
    Raises ValueError for fewer than 2 rounds: quartiles need two values.
    """
    if rounds < 2:
        raise ValueError(f"rounds: expected at least 2, got {rounds}")
    times: list[list[float]] = [[] for _ in timed]
    for round_ in range(rounds):
        for step in range(len(timed)):
            index = (step + round_) % len(timed)
            times[index].append(timed[index]())
    return [_timing(values) for values in times]


def _timing(values: list[float]) -> Timing:
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    fast = statistics.quantiles(values, n=10, method="inclusive")[0]
    return Timing(median, lower, upper, fast)
