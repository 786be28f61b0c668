"""From the edges' weights to a genotype, and whether the search has collapsed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...models.cells import NODES, OPERATIONS, Genotype
from .supernet import CHOICES, EDGES

COLLAPSED = 0.5
"""Share of skips among a normal cell's edges from which a search counts as collapsed: such cells
win the supernet's loss as they train fastest, and lose when they are trained alone (DARTS+, arXiv
1909.06035, stops at two of eight; PocketNet's own genotype has one)."""


def genotype(normal: Tensor, reduce: Tensor) -> Genotype:
    """The genotype of raw weights (EDGES, len(CHOICES)) of both kinds of cell.

    Of an edge the best operator but ``none``, of a node the two edges whose best weighs most, by
    raw weights (PocketNet's code; DARTS' own ranks by softmax). Equal weights keep the order.
    """
    return Genotype(_nodes(normal), _nodes(reduce))


def _nodes(raw: Tensor) -> tuple[tuple[tuple[str, int], ...], ...]:
    if tuple(raw.shape) != (EDGES, len(CHOICES)):
        raise ValueError(
            f"edges' weights: expected ({EDGES}, {len(CHOICES)}), got {tuple(raw.shape)}; they are "
            "of another search space"
        )
    best, which = raw.detach()[:, : len(OPERATIONS)].max(dim=1)
    nodes, first = [], 0
    for node in range(NODES):
        sources = range(node + 2)
        kept = sorted(sources, key=lambda source: -float(best[first + source]))[:2]
        nodes.append(tuple((OPERATIONS[int(which[first + s])], s) for s in kept))
        first += len(sources)
    return tuple(nodes)


@dataclass(frozen=True)
class Health:
    """How sure a search is. ``skips``: share of a normal cell's kept edges that are skips.
    ``entropy``: mean of the edges' softmax weights, 1 where all operators weigh the same.
    ``none``: mean weight of ``none``."""

    skips: float
    entropy: float
    none: float

    @property
    def collapsed(self) -> bool:
        return self.skips >= COLLAPSED


def health(normal: Tensor, reduce: Tensor) -> Health:
    """Of raw weights of both kinds of cell."""
    edges = [op for node in genotype(normal, reduce).normal for op, _ in node]
    mixed = torch.cat([normal, reduce]).detach().softmax(dim=1)
    entropy = -(mixed * mixed.log()).sum(dim=1).mean() / torch.tensor(len(CHOICES)).log()
    skips = edges.count("skip") / len(edges)
    return Health(skips, float(entropy), float(mixed[:, -1].mean()))
