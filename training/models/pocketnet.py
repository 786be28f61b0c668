"""PocketNet: the DARTS-searched light face embedders of Boutros et al.

Paper
-----
F. Boutros, P. Siebke, M. Klemt, N. Damer, F. Kirchbuchner, A. Kuijper,
"PocketNet: Extreme Lightweight Face Recognition Network using Neural Architecture Search and
Multi-Step Knowledge Distillation", IEEE Access 10, 2022, arXiv 2108.10710.

Input: float32 (N, 3, 112, 112), RGB, ``(x / 255 - 0.5) / 0.5``. Output: float32 (N, embedding).
Parameter names follow the published checkpoints, so that their state dicts load unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import GlobalDepthwise
from .registry import register

# ---------------------------------------------------------------------------------------- genotype


@dataclass(frozen=True)
class Genotype:
    """Per cell kind, for each of the nodes the two incoming edges ``(operation, source)``.

    Sources: 0 is the cell before the previous one, 1 the previous one, 2.. the nodes in order.
    """

    normal: tuple[tuple[tuple[str, int], ...], ...]
    reduce: tuple[tuple[tuple[str, int], ...], ...]


CASIA = Genotype(
    normal=(
        (("dw3", 0), ("dw1", 1)),
        (("dw3", 2), ("dw5", 0)),
        (("dw3", 3), ("dw3", 0)),
        (("dw3", 4), ("skip", 0)),
    ),
    reduce=(
        (("dw3", 1), ("dw7", 0)),
        (("skip", 2), ("dw5", 1)),
        (("max", 0), ("skip", 2)),
        (("max", 0), ("max", 1)),
    ),
)
"""Searched on CASIA-WebFace; used by all four published nets (paper section 4, fig. 3)."""

CIFAR = Genotype(
    normal=(
        (("dw7", 0), ("dw3", 1)),
        (("dw1", 1), ("dw1", 2)),
        (("max", 2), ("dw7", 3)),
        (("dw5", 4), ("max", 0)),
    ),
    reduce=(
        (("max", 0), ("dw7", 1)),
        (("max", 0), ("max", 1)),
        (("max", 0), ("max", 2)),
        (("max", 0), ("max", 1)),
    ),
)
"""Searched on CIFAR-10: the paper's ablation of the search data (section 5.1)."""

# ------------------------------------------------------------------------------------------ blocks


class DepthwiseSeparable(nn.Module):
    """PReLU, depthwise k x k, pointwise 1x1, batch norm; ``net`` names match the checkpoints."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        super().__init__()
        self.net = nn.Sequential(
            nn.PReLU(inputs),
            nn.Conv2d(inputs, inputs, kernel, stride, kernel // 2, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
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

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        half = outputs // 2
        self.relu = nn.PReLU(inputs)
        self.conv11 = nn.Conv2d(inputs, inputs, 1, 2, groups=inputs, bias=False)
        self.conv12 = nn.Conv2d(inputs, half, 1, bias=False)
        self.conv21 = nn.Conv2d(inputs, inputs, 1, 2, groups=inputs, bias=False)
        self.conv22 = nn.Conv2d(inputs, outputs - half, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        even = self.conv12(self.conv11(x))
        odd = self.conv22(self.conv21(x[:, :, 1:, 1:]))
        return self.bn(torch.cat([even, odd], dim=1))


class Pool(nn.Module):
    """3x3 pooling followed by batch norm; the average does not count the padding."""

    def __init__(self, kind: str, channels: int, stride: int):
        super().__init__()
        self.pool: nn.Module
        if kind == "max":
            self.pool = nn.MaxPool2d(3, stride, 1)
        else:
            self.pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pool(x))


def edge(operation: str, channels: int, stride: int) -> nn.Module:
    """The module of one genotype edge: ``dw1/3/5/7``, ``max``, ``avg`` or ``skip``."""
    if operation.startswith("dw"):
        return DepthwiseSeparable(channels, channels, int(operation[2:]), stride)
    if operation in ("max", "avg"):
        return Pool(operation, channels, stride)
    if operation == "skip":
        return nn.Identity() if stride == 1 else FactorisedReduce(channels, channels)
    raise ValueError(
        f"genotype operation {operation!r} is unknown; use dw1, dw3, dw5, dw7, max, avg or skip"
    )


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


# ----------------------------------------------------------------------------------------- network


class PocketNet(nn.Module):
    """A stem, ``layers`` cells with reductions at L//3, 2L//3 and L-1, and the GDC head.

    Args:
        channels: C, the width of a node in the first cells; doubles at each reduction.
        layers: L, the number of cells.
        embedding: output size.
        genotype: the cell structure.
    """

    def __init__(self, channels: int, layers: int, embedding: int, genotype: Genotype = CASIA):
        super().__init__()
        width = 4 * channels
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width))
        reductions = {layers // 3, 2 * layers // 3, layers - 1}
        self.cells = nn.ModuleList()
        before = previous = width
        after_reduce = False
        for index in range(layers):
            reduce = index in reductions
            channels *= 2 if reduce else 1
            self.cells.append(Cell(genotype, before, previous, channels, reduce, after_reduce))
            nodes = genotype.reduce if reduce else genotype.normal
            before, previous, after_reduce = previous, channels * len(nodes), reduce
        head = 1024 if embedding == 512 else 512
        self.tail = nn.Sequential(
            nn.PReLU(previous),
            nn.Conv2d(previous, head, 1, bias=False),
            nn.BatchNorm2d(head),
            nn.PReLU(head),
            GlobalDepthwise(head, head, 7, groups=head, bias=False),
            nn.BatchNorm2d(head),
            nn.Conv2d(head, embedding, 1, bias=False),
            nn.BatchNorm2d(embedding),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        before = previous = self.stem(x)
        for cell in self.cells:
            before, previous = previous, cell(before, previous)
        return self.tail(previous).flatten(1)


# ---------------------------------------------------------------------- configurations and entries


@register("pocketnet_s_128", paper="arXiv:2108.10710", embedding=128)
def pocketnet_s_128() -> PocketNet:
    """PocketNetS-128: 925,632 parameters, 283.5 M MACs."""
    return PocketNet(channels=16, layers=18, embedding=128)


@register("pocketnet_s_256", paper="arXiv:2108.10710", embedding=256)
def pocketnet_s_256() -> PocketNet:
    """PocketNetS-256: 991,424 parameters, 283.6 M MACs."""
    return PocketNet(channels=16, layers=18, embedding=256)


@register("pocketnet_m_128", paper="arXiv:2108.10710", embedding=128)
def pocketnet_m_128() -> PocketNet:
    """PocketNetM-128: 1,686,656 parameters, 538.2 M MACs."""
    return PocketNet(channels=32, layers=9, embedding=128)


@register("pocketnet_m_256", paper="arXiv:2108.10710", embedding=256)
def pocketnet_m_256() -> PocketNet:
    """PocketNetM-256: 1,752,448 parameters, 538.3 M MACs."""
    return PocketNet(channels=32, layers=9, embedding=256)


@register("pocketnet_s_128_cifar", paper="arXiv:2108.10710", embedding=128)
def pocketnet_s_128_cifar() -> PocketNet:
    """S-128 with the genotype searched on CIFAR-10 (the paper's ablation)."""
    return PocketNet(channels=16, layers=18, embedding=128, genotype=CIFAR)
