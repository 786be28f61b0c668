"""The network of the margin: how far beyond a threshold strangers come whose pictures are alike.

Two pictures that are spoilt in the same way are like each other for that alone. The network reads
the last two layers of that of the score and says a cosine: where two faces match by less than it,
strangers would have matched too. It is the quantile ``ASKED`` of the cosines of strangers spoilt
alike, less the threshold (pinball loss; Koenker and Bassett 1978); of clean faces it lies below
zero, and no margin is asked.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .head import LAST, UNIT, Layer, rounded
from .head import SECOND as HIDDEN
from .rivals import Rivals
from .samples import NAMES, OFTEN

INPUTS, FIRST, SECOND = HIDDEN + LAST, 24, 12
"""As in csrc/runtime/face/quality/parts.h."""

COSINE = 0.25
"""What the network's answer of 1 stands for."""

ASKED, ASKED_GOOD = 0.98, 0.9
"""Share of the strangers that shall stay below: a gate that keeps to 5 % needs some room among
spoilt pictures, and none among clean ones or those in coloured light, whose own matches it costs.
"""

BLURRED_BY = 3.0
"""Deviation of the noise that training adds to the inputs."""


class Margin(nn.Module):
    """Inputs (N, I) as floats to cosines (N,) beyond the threshold."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Layer(INPUTS, FIRST), Layer(FIRST, SECOND)
        self.last = Layer(SECOND, 1)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, 0, 0.7 / layer.in_features**0.5)
            nn.init.constant_(layer.bias, 0.2)

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs / UNIT
        for layer in (self.first, self.second):
            values = rounded(layer(values))
        answer: Tensor = self.last(values)[:, 0] * COSINE
        return answer


def pinball(above: Tensor, asked: Tensor) -> Tensor:
    """Of values less the answer: in the mean least where a share ``asked`` lies below it."""
    return torch.maximum(asked * above, (asked - 1) * above)


def train(
    rivals: Rivals,
    inputs: NDArray[np.int8],
    *,
    asked: tuple[float, float] = (ASKED, ASKED_GOOD),
    steps: int = 1500,
    batch: int = 4096,
    rate: float = 4e-3,
    seed: int = 0,
) -> Margin:
    """By AdamW on pairs of rivals, of which the mean of both answers is judged."""
    torch.manual_seed(seed)
    net, held = Margin(), torch.from_numpy(inputs)
    one, other, near = (torch.from_numpy(array) for array in rivals.pairs())
    # Of a strong spoiling few pass the first gate, and would have next to no pairs.
    often = torch.from_numpy(rivals.shares()).cumsum(0)
    good = np.isin(rivals.kinds, [NAMES.index(name) for name in ("clean", *OFTEN)])
    share = torch.from_numpy(np.where(good, asked[1], asked[0]).astype(np.float32))
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    for _ in range(steps):
        drawn = torch.searchsorted(often, often[-1] * torch.rand(batch, dtype=often.dtype))
        seen = held[torch.cat([one[drawn], other[drawn]])].float()
        seen = seen + BLURRED_BY * torch.randn_like(seen)
        first, second = net(seen).split(batch)
        above = near[drawn].float() - (first + second) / 2
        loss = 20 * pinball(above, share[one[drawn]]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def answers(net: Margin, inputs: NDArray[np.int8]) -> NDArray[np.float64]:
    """Cosines (N,) of inputs (N, I)."""
    with torch.no_grad():
        found: NDArray[np.float64] = net(torch.from_numpy(inputs).float()).double().numpy()
    return found
