"""The best candidate of a cell, trained alone: it says how far the cell's ratings are off.

Ratings of one supernet are fair to its paths, which share weights and steps. Those of two are not:
the more layers and choices there are, the less is each trained, so that deeper cells rate worse
than they are (README, "Measured"). So the best path of each cell goes on from the supernet's
weights by itself, and what that changes in its rating is added to all of the cell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ...run.device import autocast
from .supernet import Path, Supernet


def train(
    net: Supernet, path: Path, batch: Callable[[int], tuple[Tensor, Tensor]],
    rate: Callable[[int], float], steps: int, weight_decay: float, half: bool,
) -> Supernet:  # fmt: skip
    """A copy of ``net`` whose ``path`` has been trained for ``steps``; ``net`` stays as it is.

    Args:
        batch: of a step the teacher's features before and after the block.
        rate: of a step Adam's learning rate.
        half: compute in bfloat16.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    own = copy.deepcopy(net).train()
    layers = [own.layer(index, choice) for index, choice in enumerate(path)]
    parameters = [value for part in (*layers, own.fit) for value in part.parameters()]
    adam = torch.optim.Adam(parameters, lr=0.0, weight_decay=weight_decay)
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate(step)
        given, wanted = batch(step)
        with autocast(given.device, enabled=half):
            made = own(given, path)
        loss = F.mse_loss(made.float(), wanted)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"alone: loss is {loss.item()} at step {step}; lower learning_rate in the recipe"
            )
        adam.zero_grad()
        loss.backward()
        adam.step()
    return own
