"""VTN's decoder: a window of frames' vectors to class scores by self-attention.

Paper
-----
A. Kozlov, V. Andronov, Y. Gritsenko, "Lightweight Network Architecture for Real-Time Action
Recognition", 2019, arXiv 1905.08711. It differs from A. Vaswani et al., arXiv 1706.03762, in the
scale (the model's width, not a head's), in that no projection follows the heads, and in the norm.
``reference.py`` is the same in plain numpy. How weights start is ours: Xavier, a head a matrix.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .reference import EPSILON, sinusoid

DROP = 0.1


class Position(nn.Module):
    """A trainable table added to the steps; sinusoids at first, zeros in row 0."""

    def __init__(self, steps: int, width: int):
        super().__init__()
        self.table = nn.Parameter(torch.from_numpy(sinusoid(steps, width)).float())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table


class Attend(nn.Module):
    """Softmax of queries by keys, times values, head by head: (N, T, d) each, and the result.

    Without weights, and a layer of its own, so that counters see its two matrix products.
    """

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        n, steps, width = query.shape
        shape = n, steps, self.heads, width // self.heads
        q, k, v = (x.reshape(shape).transpose(1, 2) for x in (query, key, value))
        shares = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width), dim=-1)
        shares = F.dropout(shares, DROP, self.training)
        return (shares @ v).transpose(1, 2).reshape(n, steps, width)

    def macs(self, result: Tensor) -> int:
        """Multiply-accumulates of both matrix products for a result (N, T, d)."""
        return 2 * result.shape[1] * result.numel()


class Attention(nn.Module):
    """Queries, keys and values of (N, T, d) without bias, and ``Attend``."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.attend = Attend(heads)
        for layer in (self.query, self.key, self.value):
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / (width + width // heads)))

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(self.query(x), self.key(x), self.value(x))


class Norm(nn.Module):
    """A step less its mean, over its unbiased deviation plus 1e-3; a lone step stays itself."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1:
            return x
        centred = x - x.mean(-1, keepdim=True)
        square = centred.square().sum(-1, keepdim=True) / (x.shape[-1] - 1)
        # At a deviation of zero a root has no slope; the epsilon below stands beside the root.
        return self.gain * centred / (square.clamp_min(1e-12).sqrt() + EPSILON) + self.shift


class Feed(nn.Module):
    """Two layers on each step alone, ReLU between them."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.first, self.second = nn.Linear(width, inner), nn.Linear(inner, width)
        for layer in (self.first, self.second):
            nn.init.xavier_normal_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.relu(self.first(x)))


class Block(nn.Module):
    """Attention and a feed-forward, each added to its input and then normed."""

    def __init__(self, width: int, heads: int, inner: int):
        super().__init__()
        self.attention, self.after = Attention(width, heads), Norm(width)
        self.feed, self.last = Feed(width, inner), Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.after(x + F.dropout(self.attention(x), DROP, self.training))
        return self.last(x + F.dropout(self.feed(x), DROP, self.training))


class Decoder(nn.Module):
    """Class scores (N, classes) of sequences (N, steps, width): the mean of each step's.

    Args:
        steps: of a window.
        width: values of a step; ``heads`` must divide it.
        inner: width inside the feed-forward.

    Raises:
        ValueError: ``heads`` does not divide ``width``.
    """

    def __init__(
        self,
        classes: int,
        steps: int = 16,
        width: int = 512,
        blocks: int = 4,
        heads: int = 8,
        inner: int = 1024,
    ):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads: expected a divisor of the width {width}, got {heads}")
        self.position = Position(steps, width)
        self.blocks = nn.Sequential(*(Block(width, heads, inner) for _ in range(blocks)))
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.blocks(self.position(x))).mean(1)
        return logits
