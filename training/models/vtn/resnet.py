"""ResNet and SE-ResNeXt down to their last map, with the names of the published weights.

Paper
-----
K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv
1512.03385; S. Xie et al., "Aggregated Residual Transformations", CVPR 2017, arXiv 1611.05431; J.
Hu, L. Shen, G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018, arXiv 1709.01507.

Input: float32 (N, channels, H, W). Output: float32 (N, width, H / 32, W / 32), after its ReLU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ..facechain import relu
from ..inverted.dna import SqueezeExcite


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class Basic(nn.Module):
    """Two 3x3 layers and the sum with the input."""

    expansion = 1

    def __init__(self, inputs: int, base: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, base, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.conv2 = nn.Conv2d(base, base, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(base)
        self.downsample = _shortcut(inputs, base, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, and the sum with the input.

    Args:
        groups: of the 3x3 layer; 32 groups of 4 channels at base 64 make ResNeXt 32x4d.
        squeeze: divisor of the squeeze's width, 0 for none.
    """

    expansion = 4

    def __init__(self, inputs: int, base: int, stride: int, groups: int = 1, squeeze: int = 0):
        super().__init__()
        inner = base if groups == 1 else base * groups * 4 // 64
        outputs = base * self.expansion
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.se = SqueezeExcite(outputs, outputs // squeeze, relu) if squeeze else None
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        if self.se is not None:
            y = self.se(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


Block = Callable[[int, int, int], nn.Module]
"""Of inputs, base width and stride."""


class Trunk(nn.Module):
    """An encoder without its classes: a picture (N, C, H, W) to a map of ``width`` channels."""

    width: int


class ResNet(Trunk):
    """7x7 stem, 3x3 pooling, four stages of ``block``; ``width``: channels of the last map.

    Args:
        counts: blocks of each stage.
        expansion: outputs of a block as a multiple of its base width.
        channels: of the input.
        ceil: pool from the corner, as SE-ResNeXt's published weights were trained, not with a
            border of one pixel.
    """

    def __init__(
        self,
        counts: Sequence[int],
        block: Block,
        expansion: int,
        channels: int = 3,
        ceil: bool = False,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 0 if ceil else 1, ceil_mode=ceil)
        width = 64
        for stage, count in enumerate(counts):
            blocks: list[nn.Module] = []
            for index in range(count):
                blocks.append(block(width, 64 << stage, 1 if index or not stage else 2))
                width = (64 << stage) * expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.width = width
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for stage in range(4):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return x


def resnet18(channels: int) -> ResNet:
    """ResNet-18: a map of 512 channels."""
    return ResNet((2, 2, 2, 2), Basic, 1, channels)


def resnet34(channels: int) -> ResNet:
    """ResNet-34: 512 channels, 21,284,672 parameters."""
    return ResNet((3, 4, 6, 3), Basic, 1, channels)


def resnet50(channels: int) -> ResNet:
    """ResNet-50: 2,048 channels."""
    return ResNet((3, 4, 6, 3), Bottleneck, 4, channels)


def se_resnext101(channels: int) -> ResNet:
    """SE-ResNeXt-101 32x4d: 2,048 channels."""

    def block(inputs: int, base: int, stride: int) -> Bottleneck:
        return Bottleneck(inputs, base, stride, groups=32, squeeze=16)

    return ResNet((3, 4, 23, 3), block, 4, channels, ceil=True)
