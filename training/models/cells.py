"""Cells of a searched network: a small graph of operators, repeated (DARTS, arXiv 1806.09055).

The operators are PocketNet's (arXiv 2108.10710, section 3.1; ``NAS/models/ops.py`` of its code).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OPERATIONS = ("max", "avg", "skip", "dw3", "dw5", "dw7", "dw1")
"""What an edge may be; a search has ``none`` besides."""

NODES = 4
"""Of a searched cell; each sums two edges from the cell's inputs or from earlier nodes."""


@dataclass(frozen=True)
class Genotype:
    """Per cell kind, for each of the nodes the two incoming edges ``(operation, source)``.

    Sources: 0 is the cell before the previous one, 1 the previous one, 2.. the nodes in order.
    """

    normal: tuple[tuple[tuple[str, int], ...], ...]
    reduce: tuple[tuple[tuple[str, int], ...], ...]

    def __post_init__(self) -> None:
        for kind in ("normal", "reduce"):
            nodes = getattr(self, kind)
            if not nodes:
                raise ValueError(f"genotype, {kind}: expected at least one node")
            for index, node in enumerate(nodes):
                _check_node(f"genotype, {kind}, node {index}", node, index + 2)

    def to_dict(self) -> dict[str, Any]:
        """JSON data: lists of nodes, of two edges [operation, source] each."""
        return {
            kind: [[[op, source] for op, source in node] for node in getattr(self, kind)]
            for kind in ("normal", "reduce")
        }

    @classmethod
    def from_dict(cls, values: object) -> Genotype:
        """The inverse of ``to_dict``; ValueError names the node that is malformed."""
        if not isinstance(values, Mapping) or set(values) != {"normal", "reduce"}:
            raise ValueError(f"genotype: expected normal and reduce, got {str(values)[:80]!r}")
        found = {}
        for kind in ("normal", "reduce"):
            try:
                found[kind] = tuple(
                    tuple((op, source) for op, source in node) for node in values[kind]
                )
            except (TypeError, ValueError):
                raise ValueError(
                    f"genotype, {kind}: expected nodes of two edges [operation, source], got "
                    f"{str(values[kind])[:80]!r}"
                ) from None
        return cls(**found)


def _check_node(where: str, node: object, sources: int) -> None:
    if not isinstance(node, tuple) or len(node) != 2:
        raise ValueError(f"{where}: expected two edges, got {str(node)[:80]!r}")
    for operation, source in node:
        if operation not in OPERATIONS:
            raise ValueError(
                f"{where}: operation {operation!r} is unknown; use {', '.join(OPERATIONS)}"
            )
        if not isinstance(source, int) or not 0 <= source < sources:
            raise ValueError(f"{where}: source {source!r} is not 0 to {sources - 1}")


class DepthwiseSeparable(nn.Module):
    """PReLU, depthwise k x k, pointwise 1x1, batch norm; ``net`` names match the checkpoints."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, affine: bool = True
    ):
        super().__init__()
        self.net = nn.Sequential(
            nn.PReLU(inputs),
            nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs, affine=affine),
        )
        self.foldable = kernel == 1 and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        prelu, depthwise, pointwise, norm = self.net
        assert isinstance(depthwise, nn.Conv2d) and isinstance(pointwise, nn.Conv2d)
        if self.foldable:
            # Nothing stands between the two linear maps, so one convolution with the product of
            # their weights is the same function at half the memory traffic.
            weight = pointwise.weight * depthwise.weight.reshape(1, -1, 1, 1)
            return norm(F.conv2d(prelu(x), weight))
        return self.net(x)


class FactorisedReduce(nn.Module):
    """Halves the map with two 1x1 branches, the second shifted by one pixel (DARTS)."""

    def __init__(self, inputs: int, outputs: int, affine: bool = True):
        super().__init__()
        half = outputs // 2
        self.relu = nn.PReLU(inputs)
        self.conv11 = nn.Conv2d(inputs, inputs, 1, 2, groups=inputs, bias=False)
        self.conv12 = nn.Conv2d(inputs, half, 1, bias=False)
        self.conv21 = nn.Conv2d(inputs, inputs, 1, 2, groups=inputs, bias=False)
        self.conv22 = nn.Conv2d(inputs, outputs - half, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        even = self.conv12(self.conv11(x))
        odd = self.conv22(self.conv21(x[:, :, 1:, 1:]))
        return self.bn(torch.cat([even, odd], dim=1))


class Pool(nn.Module):
    """3x3 pooling followed by batch norm; the average does not count the padding."""

    def __init__(self, kind: str, channels: int, stride: int, affine: bool = True):
        super().__init__()
        self.pool: nn.Module
        if kind == "max":
            self.pool = nn.MaxPool2d(3, stride, 1)
        else:
            self.pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        self.bn = nn.BatchNorm2d(channels, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pool(x))


def edge(operation: str, channels: int, stride: int, affine: bool = True) -> nn.Module:
    """The module of one edge, of ``OPERATIONS``; ``affine``: batch norms have weights."""
    if operation.startswith("dw"):
        return DepthwiseSeparable(channels, channels, int(operation[2:]), stride, affine)
    if operation in ("max", "avg"):
        return Pool(operation, channels, stride, affine)
    if operation == "skip":
        return nn.Identity() if stride == 1 else FactorisedReduce(channels, channels, affine)
    raise ValueError(f"operation {operation!r} is unknown; use {', '.join(OPERATIONS)}")


class Cell(nn.Module):
    """Two inputs, one node per genotype entry (each the sum of its edges), concatenated."""

    def __init__(
        self,
        genotype: Genotype,
        before: int,
        previous: int,
        channels: int,
        reduce: bool,
        after_reduce: bool,
    ):
        super().__init__()
        if after_reduce:
            self.preproc0: nn.Module = FactorisedReduce(before, channels)
        else:
            self.preproc0 = DepthwiseSeparable(before, channels, 1)
        self.preproc1 = DepthwiseSeparable(previous, channels, 1)
        nodes = genotype.reduce if reduce else genotype.normal
        self.sources = [[source for _, source in node] for node in nodes]
        self.dag = nn.ModuleList(
            nn.ModuleList(
                edge(op, channels, 2 if reduce and source < 2 else 1) for op, source in node
            )
            for node in nodes
        )

    def forward(self, before: Tensor, previous: Tensor) -> Tensor:
        states = [self.preproc0(before), self.preproc1(previous)]
        for edges, sources in zip(self.dag, self.sources, strict=True):
            assert isinstance(edges, nn.ModuleList)
            terms = [op(states[source]) for op, source in zip(edges, sources, strict=True)]
            states.append(sum(terms[1:], terms[0]))
        return torch.cat(states[2:], dim=1)
