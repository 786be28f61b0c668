"""How far a run is, by steps or by the clock; and its learning rate and input size by that."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Length:
    """A run of ``steps`` steps, or of ``minutes`` on the clock with as many steps as fit.

    The clock runs from the object's making and goes on from ``spent``, the seconds of earlier
    calls, so that a run that resumes has what is left. By the clock no two runs have the same
    rates; what a recipe shall repeat is given in steps.
    """

    steps: int | None
    minutes: float | None = None
    spent: float = 0.0
    began: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("steps, minutes: give exactly one of the two")

    @property
    def seconds(self) -> float:
        """Spent so far, in this call and those before."""
        return self.spent + time.monotonic() - self.began

    def progress(self, step: int) -> float:
        """Share of the run, 0 to 1, before ``step`` (counted from 0)."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        return min(1.0, self.seconds / (60 * self.minutes))

    def over(self, step: int) -> bool:
        """Whether ``step`` steps are the whole run."""
        return self.progress(step) >= 1.0

    @property
    def last(self) -> int:
        """A bound on the number of steps."""
        return self.steps if self.steps is not None else 1 << 40


@dataclass(frozen=True)
class Optimiser:
    """SGD with Nesterov momentum; the gradient of the backbone is clipped to norm ``clip``.

    ``schedule``: ``cosine`` to zero, or ``steps``: times ``decay`` at each of ``milestones``
    (epochs). ``warmup`` is a share of the run.
    """

    learning_rate: float
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    clip: float = 5.0
    schedule: str = "cosine"
    warmup: float = 0.02
    milestones: tuple[float, ...] = ()
    decay: float = 0.1


def learning_rate(options: Optimiser, progress: float, epoch: float) -> float:
    """Linear warm-up, then cosine to zero over the run, or a decay at each milestone (epochs)."""
    warm = min(1.0, progress / options.warmup) if options.warmup else 1.0
    if options.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in options.milestones)
        return options.learning_rate * warm * options.decay**passed
    return options.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def input_size(phases: Sequence[tuple[float, int]], progress: float, whole: int) -> int:
    """Pixels of the student's input; its teacher always sees the whole picture.

    Args:
        phases: (share of the run at which a phase ends, its pixels); none: ``whole`` throughout.
    """
    for share, size in phases:
        if progress < share:
            return size
    return phases[-1][1] if phases else whole
