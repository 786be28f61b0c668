"""Learning rate and input size by progress through a run."""

from __future__ import annotations

import math

from ..train.faces.recipe import Optimiser, Recipe


def learning_rate(options: Optimiser, progress: float, epoch: float) -> float:
    """Linear warm-up, then cosine to zero over the run, or a decay at each milestone (epochs)."""
    warm = min(1.0, progress / options.warmup) if options.warmup else 1.0
    if options.schedule == "steps":
        passed = sum(epoch >= milestone for milestone in options.milestones)
        return options.learning_rate * warm * options.decay**passed
    return options.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def input_size(recipe: Recipe, progress: float) -> int:
    """Pixels of the student's input; its teacher always sees the whole picture."""
    for share, size in recipe.phases:
        if progress < share:
            return size
    return recipe.phases[-1][1] if recipe.phases else recipe.data.size
