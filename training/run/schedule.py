"""Learning rate and input size by progress through a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


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
