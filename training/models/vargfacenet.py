"""VarGFaceNet: variable group convolutions with eight channels a group.

Paper
-----
M. Yan, M. Zhao, Z. Xu, Q. Zhang, G. Wang, Z. Su, "VarGFaceNet: An Efficient Variable Group
Convolutional Neural Network for Lightweight Face Recognition", ICCVW 2019, arXiv 1910.04985.

Input: float32 (N, 3, 112, 112), RGB, ``(x - 127.5) / 127.5`` (the paper divides by 128; the first
batch norm takes up the factor). Output: float32 (N, 512).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .layers import ConvNorm, GlobalDepthwise
from .registry import register

GROUP = 8
"""Channels per group (the paper's S): constant, where other networks fix the number of groups."""
EPSILON = 2e-5

# ------------------------------------------------------------------------------------------ blocks


class Unit(nn.Sequential):
    """Separable unit: 3x3 group convolution to ``factor`` times the width, dense 1x1."""

    def __init__(self, inputs: int, outputs: int, stride: int, factor: int, act: bool):
        super().__init__(
            ConvNorm(inputs, inputs * factor, 3, stride, groups=inputs // GROUP, eps=EPSILON),
            ConvNorm(inputs * factor, outputs, 1, act=act, eps=EPSILON),
        )


class SqueezeExcite(nn.Module):
    """Channel gate from the map's mean (Hu et al. 2018), PReLU inside, reduction 4."""

    def __init__(self, channels: int):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 4, 1),
            nn.PReLU(channels // 4),
            nn.Conv2d(channels // 4, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


class Normal(nn.Module):
    """Two units, optional SE, shortcut (identity, or a unit where the shape changes), PReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, factor: int, se: bool):
        super().__init__()
        self.body = nn.Sequential(
            Unit(inputs, outputs, stride, factor, act=True),
            Unit(outputs, outputs, 1, factor, act=False),
            SqueezeExcite(outputs) if se else nn.Identity(),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else Unit(inputs, outputs, stride, factor, act=False)
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.body(x) + self.shortcut(x))


class Down(nn.Module):
    """Halves the map: two parallel units, summed, one more unit, and a unit as shortcut."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.left = Unit(inputs, outputs, 2, 2, act=False)
        self.right = Unit(inputs, outputs, 2, 2, act=False)
        self.middle = nn.PReLU(outputs)
        self.body = Unit(outputs, outputs, 1, 2, act=False)
        self.shortcut = Unit(inputs, outputs, 2, 2, act=False)
        self.act = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        merged = self.middle(self.left(x) + self.right(x))
        return self.act(self.body(merged) + self.shortcut(x))


# ----------------------------------------------------------------------------------------- network


class VarGFaceNet(nn.Module):
    """Head setting at full resolution, three stages, embedding setting.

    Args:
        stages: per stage ``(channels, blocks)``, the first block of each a ``Down``.
        embedding: output size.
        se: squeeze-and-excitation in the normal blocks.
    """

    def __init__(self, stages: Sequence[tuple[int, int]], embedding: int, se: bool):
        super().__init__()
        width = 40
        self.stem = nn.Sequential(
            ConvNorm(3, width, 3, eps=EPSILON), Normal(width, width, 2, 1, se)
        )
        self.stages = nn.ModuleList()
        for channels, blocks in stages:
            stage: list[nn.Module] = [Down(width, channels)]
            stage += [Normal(channels, channels, 1, 2, se) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*stage))
            width = channels
        self.tail = nn.Sequential(
            ConvNorm(width, 1024, 1, eps=EPSILON),
            GlobalDepthwise(1024, 1024, 7, groups=1024 // GROUP, bias=False),
            nn.BatchNorm2d(1024, eps=EPSILON),
            ConvNorm(1024, 512, 1, eps=EPSILON),
            nn.Flatten(1),
            nn.Linear(512, embedding),
            nn.BatchNorm1d(embedding, eps=EPSILON),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.tail(x)


# ---------------------------------------------------------------------- configurations and entries

STAGES = ((80, 3), (160, 7), (320, 4))


@register("vargfacenet", paper="arXiv:1910.04985", embedding=512)
def vargfacenet() -> VarGFaceNet:
    """VarGFaceNet with SE, as in the paper: 5,198,292 parameters."""
    return VarGFaceNet(STAGES, embedding=512, se=True)


@register("vargfacenet_nose", paper="arXiv:1910.04985", embedding=512)
def vargfacenet_nose() -> VarGFaceNet:
    """VarGFaceNet without SE: 4,957,512 parameters (the published "5.0 M")."""
    return VarGFaceNet(STAGES, embedding=512, se=False)
