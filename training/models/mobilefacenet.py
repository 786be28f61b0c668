"""MobileFaceNet: the first compact face embedder with a global depthwise convolution.

Paper
-----
S. Chen, Y. Liu, X. Gao, Z. Han, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face
Verification on Mobile Devices", CCBR 2018, arXiv 1804.07573, table 1.

Input: float32 (N, 3, 112, 112), RGB, ``(x - 127.5) / 127.5`` (the paper divides by 128; the first
batch norm takes up the factor). Output: float32 (N, embedding).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .layers import ConvNorm, GlobalDepthwise, InvertedResidual
from .registry import register

# ----------------------------------------------------------------------------------------- network


class MobileFaceNet(nn.Module):
    """Stem, depthwise convolution, bottlenecks, 1x1 to 512, GDC, linear 1x1.

    Args:
        stages: per row ``(expansion, channels, repeats, stride of the first)``.
        embedding: output size.
        width: channels of the stem; its second layer has 64 groups of them.
    """

    def __init__(
        self, stages: Sequence[tuple[int, int, int, int]], embedding: int, width: int = 64
    ):
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, width, 3, 2), ConvNorm(width, width, 3, groups=64))
        blocks: list[nn.Module] = []
        for expansion, channels, repeats, first in stages:
            for index in range(repeats):
                stride = first if index == 0 else 1
                blocks.append(InvertedResidual(width, channels, stride, expansion))
                width = channels
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            ConvNorm(width, 512, 1),
            GlobalDepthwise(512, 512, 7, groups=512, bias=False),
            nn.BatchNorm2d(512),
            nn.Conv2d(512, embedding, 1, bias=False),
            nn.BatchNorm2d(embedding),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(self.stem(x))).flatten(1)


# ---------------------------------------------------------------------- configurations and entries

TABLE_1 = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


@register("mobilefacenet", paper="arXiv:1804.07573", embedding=128)
def mobilefacenet() -> MobileFaceNet:
    """MobileFaceNet as in table 1 of the paper, "0.99 M" parameters."""
    return MobileFaceNet(TABLE_1, embedding=128)


WIDE = ((1, 128, 5, 2), (2, 256, 1, 2), (1, 256, 6, 1), (2, 256, 1, 2), (1, 256, 2, 1))


@register("mobilefacenet_512", paper="arXiv:1804.07573", embedding=512)
def mobilefacenet_512() -> MobileFaceNet:
    """The form that InsightFace publishes weights of ("mbf"): twice as wide, hardly expanded."""
    return MobileFaceNet(WIDE, embedding=512, width=128)
