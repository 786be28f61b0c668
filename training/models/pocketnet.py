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

from torch import Tensor, nn

from .cells import Cell, Genotype
from .layers import GlobalDepthwise
from .registry import register, register_family

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


@register_family("pocketnet", paper="arXiv:2108.10710")
def pocketnet(
    *, channels: int, layers: int, genotype: object, embedding: int, size: int
) -> PocketNet:
    """A network of any genotype, ``Genotype.to_dict``'s data. ``size``: 112, of the head."""
    if size != 112:
        raise ValueError(f"size: a PocketNet's head is made for 112 pixels, got {size}")
    return PocketNet(channels, layers, embedding, Genotype.from_dict(genotype))


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
