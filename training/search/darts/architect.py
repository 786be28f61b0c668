"""The bilevel update: edges' weights follow the validation loss of weights one step ahead.

DARTS, section 2.3: with training loss L, validation loss V, step xi and ``w' = w - xi dL/dw``,

    dV(w', a)/da  =  dV/da at w'  -  xi (d2L / da dw) dV/dw'

and the second term is a finite difference of two gradients, at ``w +- eps dV/dw'`` with
``eps = 0.01 / |dV/dw'|``. The first order form leaves it out and takes ``w`` for ``w'``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Loss = Callable[[], Tensor]
"""A loss of the network as its parameters stand, a scalar."""

REACH = 0.01
"""Length of the step of the finite difference."""


def first_order(architecture: Sequence[nn.Parameter], validation: Loss) -> list[Tensor]:
    """Gradients of the validation loss for the edges' weights."""
    return list(torch.autograd.grad(validation(), architecture))


def second_order(
    architecture: Sequence[nn.Parameter],
    weights: Sequence[nn.Parameter],
    training: Loss,
    validation: Loss,
    step: Sequence[Tensor],
    rate: float,
) -> list[Tensor]:
    """Gradients for the edges' weights through one training step.

    Args:
        weights: those that ``training`` trains; afterwards they are what they were.
        step: the direction of the optimiser's next step for each of them (momentum and decay
            included), so that ``w' = w - rate * step``.
        rate: xi, the learning rate of the weights.
    """
    with _moved(weights, step, -rate):
        found = torch.autograd.grad(validation(), [*architecture, *weights])
    ahead, slope = found[: len(architecture)], found[len(architecture) :]
    length = torch.sqrt(sum((part.square().sum() for part in slope), torch.zeros(())))
    if not length > 0:
        return list(ahead)
    reach = float(REACH / length)
    sides = []
    for sign in (1.0, -1.0):
        with _moved(weights, slope, sign * reach):
            sides.append(torch.autograd.grad(training(), architecture))
    return [
        a - rate * (plus - minus) / (2 * reach)
        for a, plus, minus in zip(ahead, *sides, strict=True)
    ]


def next_step(optimiser: torch.optim.SGD, training: Loss) -> list[Tensor]:
    """The direction of the next step of SGD with momentum on ``training``, which is not taken."""
    (group,) = optimiser.param_groups
    weights = group["params"]
    gradients = torch.autograd.grad(training(), weights)
    found = []
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = gradient + group["weight_decay"] * weight.detach()
        known = optimiser.state[weight].get("momentum_buffer")
        found.append(direction if known is None else direction + group["momentum"] * known)
    return found


@contextmanager
def _moved(
    weights: Sequence[nn.Parameter], direction: Sequence[Tensor], share: float
) -> Iterator[None]:
    """The weights moved along ``direction``, and put back bit by bit."""
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight, towards in zip(weights, direction, strict=True):
            weight.add_(towards, alpha=share)
    try:
        yield
    finally:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)
