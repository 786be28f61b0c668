"""DNA: the block-wise searched classifiers of Li et al., and the inverted-residual block they use.

Paper
-----
C. Li, J. Peng, L. Yuan, G. Wang, X. Liang, L. Lin, X. Chang, "Blockwisely Supervised Neural
Architecture Search with Knowledge Distillation", CVPR 2020, arXiv 1911.13053.

Input: float32 (N, 3, 224, 224), ImageNet's mean and deviation. Output: float32 logits (N, classes).

The published 348, 466 and 611 M of DNA-a, -c and -d are MACs of convolutions and the linear layer
plus 2 for each output value of a batch norm; their plain MACs are 335.1, 450.1 and 592.8 M. DNA-b
has 405.7 M by that rule and 392.5 M plainly where 394 M are published. Parameters agree for all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor, nn

from ..layers import ConvNorm
from ..registry import register


def swish(_: int) -> nn.Module:
    """The activation of every layer of the published networks, whatever its channels."""
    return nn.SiLU()


class SqueezeExcite(nn.Module):
    """Channels weighted by a sigmoid of their means through ``inner`` values (Hu et al. 2018)."""

    def __init__(self, channels: int, inner: int, activation: Callable[[int], nn.Module] = swish):
        super().__init__()
        self.net = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            activation(inner),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.net(x)


class MobileBlock(nn.Module):
    """1x1 expansion, k x k depthwise, squeeze and excite, linear 1x1; identity where shapes stay.

    ``squeeze``: width of the squeeze as a share of ``inputs`` (0.25 as in EfficientNet), 0 for
    none. Expansion 1 leaves the first layer out.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        expansion: int,
        stride: int = 1,
        squeeze: float = 0.25,
        activation: Callable[[int], nn.Module] = swish,
    ):
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(ConvNorm(inputs, width, 1, activation=activation))
        layers.append(ConvNorm(width, width, kernel, stride, groups=width, activation=activation))
        if squeeze:
            layers.append(SqueezeExcite(width, max(1, round(inputs * squeeze)), activation))
        layers.append(ConvNorm(width, outputs, 1, act=False))
        self.net = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x) if self.residual else self.net(x)


STRIDES = (2, 2, 2, 1, 2, 1)
"""Of the first layer of each stage."""

LAYERS = {
    "a": "24 k5e3 k3e3 k3e6, 40 k3e3 k3e3 k5e3 k3e6, 80 k7e6 k3e3 k5e3 k3e6, "
    "96 k5e6 k5e3 k5e3 k5e6, 160 k5e6 k5e3 k5e3 k5e3 k5e6, 320 k3e6",
    "b": "24 k3e3 k5e3 k7e6, 40 k7e6 k5e3 k7e6, 80 k5e6 k5e3 k5e3 k3e6, "
    "96 k5e6 k5e3 k5e3 k5e6, 192 k7e6 k5e3 k5e3 k5e3 k7e6, 320 k3e6",
    "c": "24 k5e6 k3e6, 40 k5e6 k5e6 k3e6 k5e6, 80 k5e6 k3e6 k5e6 k5e6, "
    "112 k3e6 k5e6 k5e6 k5e3, 192 k5e6 k5e3 k5e6 k5e6, 320 k3e6",
    "d": "24 k7e6 k5e6 k7e6, 40 k7e6 k7e6 k7e6 k7e6, 80 k7e6 k5e6 k5e6 k7e6, "
    "112 k7e6 k5e6 k7e6 k5e6, 192 k7e6 k5e6 k5e6 k5e6 k7e6, 320 k3e6",
}
"""The published networks: width of a stage, then kernel and expansion of each layer."""


def stages(layers: str) -> list[tuple[int, list[tuple[int, int]]]]:
    """Width, and kernel and expansion of each layer, of each stage of a text as in ``LAYERS``.

    Raises:
        ValueError: the text is none; says what was expected where.
    """
    found = []
    for stage in layers.split(","):
        width, *blocks = stage.split() or [""]
        if not width.isdecimal() or not int(width) or not blocks:
            raise ValueError(
                f"layers: expected a width and layers as 24 k5e3 k3e6, got {stage.strip()!r}"
            )
        choices = []
        for block in blocks:
            match = re.fullmatch(r"k(\d+)e(\d+)", block)
            if match is None:
                raise ValueError(f"layers: expected kernel and expansion as k3e6, got {block}")
            choices.append((int(match[1]), int(match[2])))
        found.append((int(width), choices))
    return found


class DNA(nn.Module):
    """Stem of 32, a block of 16, stages of ``layers``, 1x1 to 1280, mean, linear.

    Args:
        layers: as in ``LAYERS``.
        classes: of the output.
    """

    def __init__(self, layers: str, classes: int = 1000):
        super().__init__()
        body: list[nn.Module] = [
            ConvNorm(3, 32, 3, 2, activation=swish),
            MobileBlock(32, 16, 3, 1),
        ]
        inputs = 16
        found = stages(layers)
        if len(found) != len(STRIDES):
            raise ValueError(f"layers: expected {len(STRIDES)} stages, got {len(found)}")
        for (width, blocks), first in zip(found, STRIDES, strict=True):
            for index, (kernel, expansion) in enumerate(blocks):
                stride = 1 if index else first
                body.append(MobileBlock(inputs, width, kernel, expansion, stride))
                inputs = width
        self.body = nn.Sequential(*body, ConvNorm(inputs, 1280, 1, activation=swish))
        self.pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.pool(self.body(x)).flatten(1))
        return logits


def _register(letter: str) -> None:
    def make() -> DNA:
        return DNA(LAYERS[letter])

    register(
        f"dna_{letter}", paper="arXiv:1911.13053", embedding=1000, input_size=224,
        task="classification",
    )(make)  # fmt: skip


for _letter in LAYERS:
    _register(_letter)
