"""The quality's network: three small layers that train as the int8 form that C runs.

A value of a hidden layer lies between 0 and 1 and is stored as 0 to 127; weights are int8 with a
scale a row. Rounding is in the forward pass from the first step on (straight through in the
backward one), so that nothing is lost when the numbers are written down.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .told import Told

FEATURES, FIRST, SECOND, LAST = 357, 32, 16, 10
"""As in csrc/runtime/face/quality/parts.h."""

UNIT = 64.0
"""A feature of this size enters the float network as 1."""

STEP = 16.0
"""Values of the last layer by which the logistic curve moves by 1, so that int8 spans 8 of them."""


def _rounded(values: Tensor, step: Tensor | float) -> Tensor:
    return values + (torch.round(values / step) * step - values).detach()


def rounded(raw: Tensor) -> Tensor:
    """A hidden layer's values as C holds them: between 0 and 1, in steps of 1/127.

    The backward pass has a slope of a hundredth beyond those ends: no dead rows.
    """
    held = raw.clamp(0, 1)
    held = held + 0.01 * (raw - raw.detach())
    return _rounded(held, 1 / 127)


class Layer(nn.Linear):
    """A linear layer with int8 weights, a scale a row."""

    def scales(self) -> Tensor:
        """(rows, 1): what a weight of 1 stands for."""
        return self.weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-6) / 127

    def forward(self, values: Tensor) -> Tensor:
        return F.linear(values, _rounded(self.weight, self.scales()), self.bias)


class Head(nn.Module):
    """Features (N, F) as floats to logits (N, 10): trust, a face, reasons."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Layer(FEATURES, FIRST), Layer(FIRST, SECOND)
        self.last = Layer(SECOND, LAST)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, 0, 0.7 / layer.in_features**0.5)
            nn.init.constant_(layer.bias, 0.2)

    def forward(self, features: Tensor) -> Tensor:
        values = features / UNIT
        for layer in (self.first, self.second):
            values = rounded(layer(values))
        return self.last(values)


BLURRED_BY, LOST = 3.0, 0.05
"""Deviation of the noise that training adds to features, and the share that it puts out."""


def mirrored(features: Tensor) -> Tensor:
    """Features (N, F) of the mirrored crops; of detail and diagonals nearly, else exactly."""
    thumbnail, tiles = features[:, :196].reshape(-1, 14, 14), features[:, 196:294]
    bands = features[:, 294:318].reshape(-1, 4, 6)[:, :, [0, 1, 3, 2, 4, 5]]
    return torch.cat(
        [
            thumbnail.flip(2).flatten(1),
            tiles.reshape(-1, 2, 7, 7).flip(3).flatten(1),
            bands.flatten(1),
            _mirrored_slopes(features[:, 318:346]),
            features[:, 346:],
        ],
        dim=1,
    )


def _mirrored_slopes(slopes: Tensor) -> Tensor:
    """Of levels of 8, 8, 8 and 4 values: falling and rising diagonals exchanged."""
    found = slopes.clone()
    for level in range(3):
        at = 8 * level
        found[:, at + 2], found[:, at + 3] = slopes[:, at + 3], slopes[:, at + 2]
        found[:, at + 7] = -slopes[:, at + 7]
    found[:, 27] = -slopes[:, 27]
    return found


def varied(features: Tensor) -> Tensor:
    """As of other pictures of the same: half of them mirrored, all a little off."""
    found = torch.where(torch.rand(len(features), 1) < 0.5, mirrored(features), features)
    found = found + BLURRED_BY * torch.randn_like(found)
    return found * (torch.rand_like(found) >= LOST)


def train(
    features: NDArray[np.int8],
    told: Told,
    weights: NDArray[np.float32],
    *,
    epochs: int = 40,
    batch: int = 512,
    rate: float = 4e-3,
    seed: int = 0,
) -> Head:
    """Cross-entropy against soft targets by AdamW, the rate falling as a cosine."""
    torch.manual_seed(seed)
    head = Head()
    inputs = torch.from_numpy(features).float()
    trust, face, known, reason, weight = (
        torch.from_numpy(array)
        for array in (told.trust, told.face, told.face_known, told.reason, weights)
    )
    steps = epochs * (len(inputs) // batch)
    optimiser = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            logits = head(varied(inputs[rows]))
            first = F.binary_cross_entropy_with_logits(logits[:, 0], trust[rows], weight[rows])
            second = F.binary_cross_entropy_with_logits(
                logits[:, 1], face[rows], known[rows] * weight[rows]
            )
            third = F.cross_entropy(logits[:, 2:], reason[rows], ignore_index=-1)
            optimiser.zero_grad()
            (first + 0.3 * second + 0.1 * third).backward()
            optimiser.step()
            schedule.step()
    return head.eval()
