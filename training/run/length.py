"""How far a run is: by steps, or by the clock where a machine is lent for some minutes."""

from __future__ import annotations

import time
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
