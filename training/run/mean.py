"""The mean of a run's weights: an exponential moving average that follows every step.

B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992; in the form
of A. Tarvainen, H. Valpola, "Mean teachers", NIPS 2017. Batch norms' statistics are averaged too.
"""

from __future__ import annotations

import copy

import torch
from torch import nn


class Mean(nn.Module):
    """A copy of ``model`` whose values follow it; part of a resume point.

    Args:
        decay: share of the old mean that a step keeps, below 1. A run's first steps keep less,
            ``(1 + n) / (10 + n)``, so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float):
        super().__init__()
        if not 0 < decay < 1:
            raise ValueError(f"mean: expected a decay between 0 and 1, got {decay}")
        self.model, self.decay, self.steps = copy.deepcopy(model).eval(), decay, 0

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Takes in ``model``'s weights after a step."""
        self.steps += 1
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mine, now in zip(
            (*self.model.parameters(), *self.model.buffers()),
            (*model.parameters(), *model.buffers()),
            strict=True,
        ):
            if mine.is_floating_point():
                mine.lerp_(now.detach(), 1 - kept)
            else:
                mine.copy_(now)

    def get_extra_state(self) -> int:
        """How many steps it has followed, for ``state_dict``."""
        return self.steps

    def set_extra_state(self, state: int) -> None:
        """That of a ``state_dict``."""
        self.steps = state
