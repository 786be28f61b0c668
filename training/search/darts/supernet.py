"""The supernet: every edge of every cell is all operators at once, mixed by softmax weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...models.cells import NODES, OPERATIONS, DepthwiseSeparable, FactorisedReduce, edge
from ...models.layers import GlobalDepthwise

NONE = "none"
CHOICES = (*OPERATIONS, NONE)
"""The eight operators of an edge; ``none`` gives nothing and only takes weight from the others."""

EDGES = sum(node + 2 for node in range(NODES))
"""Of a cell: every node hears both inputs and all earlier nodes."""

SPREAD = 1e-3
"""Standard deviation of the first architecture weights."""


class MixedEdge(nn.Module):
    """All operators between two states; batch norms without weights, so that none grows instead of
    its operator's weight."""

    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.operators = nn.ModuleList(edge(name, channels, stride, False) for name in OPERATIONS)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (len(CHOICES)), sum 1; that of ``none`` multiplies nothing."""
        terms = [
            weight * operator(x)
            for weight, operator in zip(weights[: len(OPERATIONS)], self.operators, strict=True)
        ]
        return torch.stack(terms).sum(dim=0)


class SearchCell(nn.Module):
    """A cell with all edges, its nodes concatenated."""

    def __init__(self, before: int, previous: int, channels: int, reduce: bool, after_reduce: bool):
        super().__init__()
        self.reduce = reduce
        self.preproc0: nn.Module = (
            FactorisedReduce(before, channels, False)
            if after_reduce
            else DepthwiseSeparable(before, channels, 1, affine=False)
        )
        self.preproc1 = DepthwiseSeparable(previous, channels, 1, affine=False)
        self.edges = nn.ModuleList(
            MixedEdge(channels, 2 if reduce and source < 2 else 1)
            for node in range(NODES)
            for source in range(node + 2)
        )

    def forward(self, before: Tensor, previous: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (EDGES, len(CHOICES)), rows of sum 1, node by node, source by source."""
        states, first = [self.preproc0(before), self.preproc1(previous)], 0
        for _ in range(NODES):
            terms = [
                self.edges[first + source](state, weights[first + source])
                for source, state in enumerate(states)
            ]
            first += len(states)
            states.append(torch.stack(terms).sum(dim=0))
        return torch.cat(states[2:], dim=1)


class Supernet(nn.Module):
    """Stem, ``layers`` search cells with reductions at L//3, 2L//3 and L-1, head and classifier.

    Args:
        channels: of a node in the first cells (16); the stem has three times as many.
        layers: cells (8).
        classes: people of the training set.
    """

    def __init__(self, classes: int, channels: int = 16, layers: int = 8, embedding: int = 128):
        super().__init__()
        if layers < 3:
            raise ValueError(f"layers: expected at least 3, one for each reduction, got {layers}")
        width = 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width))
        reductions = {layers // 3, 2 * layers // 3, layers - 1}
        self.cells = nn.ModuleList()
        before = previous = width
        after_reduce = False
        for index in range(layers):
            reduce = index in reductions
            channels *= 2 if reduce else 1
            self.cells.append(SearchCell(before, previous, channels, reduce, after_reduce))
            before, previous, after_reduce = previous, NODES * channels, reduce
        self.tail = nn.Sequential(
            nn.PReLU(previous),
            nn.Conv2d(previous, 512, 1, bias=False),
            nn.BatchNorm2d(512),
            nn.PReLU(512),
            GlobalDepthwise(512, 512, 7, groups=128, bias=False),
            nn.BatchNorm2d(512),
            nn.Conv2d(512, embedding, 1, bias=False),
            nn.BatchNorm2d(embedding),
            nn.Flatten(),
            nn.Linear(embedding, classes),
        )
        self.normal, self.reduce = (
            nn.Parameter(SPREAD * torch.randn(EDGES, len(CHOICES))) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of float32 (B, 3, H, W)."""
        mixed = {False: self.normal.softmax(dim=1), True: self.reduce.softmax(dim=1)}
        before = previous = self.stem(x)
        for cell in self.cells:
            assert isinstance(cell, SearchCell)
            before, previous = previous, cell(before, previous, mixed[cell.reduce])
        logits: Tensor = self.tail(previous)
        return logits

    @property
    def architecture(self) -> list[nn.Parameter]:
        """The edges' raw weights, of normal and of reduction cells."""
        return [self.normal, self.reduce]

    @property
    def weights(self) -> list[nn.Parameter]:
        """All that a training trains."""
        own = {id(parameter) for parameter in self.architecture}
        return [parameter for parameter in self.parameters() if id(parameter) not in own]
