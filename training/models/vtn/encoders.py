"""What makes a map of one frame: the encoders by name, each with what its pixels are scaled by.

MobileNetV2: M. Sandler et al., CVPR 2018, arXiv 1801.04381, table 2. The small ones are FaceChain's
stem and blocks (``facechain.py``) without its head, so that a face network's weights fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from .. import facechain
from ..inverted.dna import MobileBlock
from ..layers import ConvNorm
from . import resnet
from .resnet import Trunk

Triple = tuple[float, float, float]
IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
PLAIN = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
SYMMETRIC = (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)
"""Mean and deviation of RGB pixels 0 to 255, by channel."""


def relu6(_: int) -> nn.Module:
    """MobileNetV2's activation, whatever the channels."""
    return nn.ReLU6()


MOBILENET = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip
"""Expansion, channels, layers and first stride of each stage."""


class MobileNetV2(Trunk):
    """MobileNetV2 at width 1 down to its map of 1,280 channels: 2,223,872 parameters."""

    width = 1280

    def __init__(self, channels: int):
        super().__init__()
        layers: list[nn.Module] = [ConvNorm(channels, 32, 3, 2, activation=relu6)]
        inputs = 32
        for expansion, outputs, count, first in MOBILENET:
            for index in range(count):
                stride = 1 if index else first
                layers.append(MobileBlock(inputs, outputs, 3, expansion, stride, 0.0, relu6))
                inputs = outputs
        layers.append(ConvNorm(inputs, self.width, 1, activation=relu6))
        self.features = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


class Chain(Trunk):
    """Stem, blocks and first 1x1 layer of ``facechain(budget)``, under the names they have there.

    Args:
        budget: multiply-accumulates of the face network at 112 pixels.
    """

    def __init__(self, budget: float, channels: int):
        super().__init__()
        face = facechain.facechain(budget)
        self.stem, self.blocks, self.tail = face.stem, face.blocks, face.tail[:1]
        first = face.stem[0]
        assert isinstance(first, nn.Conv2d)
        if channels != first.in_channels:
            self.stem[0] = nn.Conv2d(channels, first.out_channels, 3, 2, 1, bias=False)
        self.width = next(m for m in self.tail.modules() if isinstance(m, nn.Conv2d)).out_channels

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(self.stem(x)))


@dataclass(frozen=True)
class Encoder:
    """How an encoder is made of its input channels, and how its RGB pixels are scaled."""

    make: Callable[[int], Trunk]
    mean: Triple
    std: Triple


ENCODERS: dict[str, Encoder] = {
    "resnet18": Encoder(resnet.resnet18, *IMAGENET),
    "resnet34": Encoder(resnet.resnet34, *IMAGENET),
    "resnet50": Encoder(resnet.resnet50, *IMAGENET),
    "mobilenet_v2": Encoder(MobileNetV2, *IMAGENET),
    # The authors scale its pixels by no mean and no deviation.
    "se_resnext101": Encoder(resnet.se_resnext101, *PLAIN),
    "chain_10m": Encoder(lambda channels: Chain(10e6, channels), *SYMMETRIC),
    "chain_25m": Encoder(lambda channels: Chain(25e6, channels), *SYMMETRIC),
    "chain_125m": Encoder(lambda channels: Chain(125e6, channels), *SYMMETRIC),
}
