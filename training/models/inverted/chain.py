"""Inverted: any chain of inverted residuals, as a search puts one together.

Paper
-----
The blocks are MobileNetV2's (Sandler et al., CVPR 2018, arXiv 1801.04381) with the choices of DNA
(Li et al., CVPR 2020, arXiv 1911.13053): expansion and kernel of each layer, and width and depth
of each stage. The head is MobileFaceNet's (arXiv 1804.07573).

Input: float32 (N, 3, size, size), RGB, ``(x - 127.5) / 127.5``; ``size`` a multiple of what stem
and stages shrink it by, 16 for three stages. Output: float32 (N, embedding).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ..facechain import relu
from ..layers import ConvNorm, GlobalDepthwise
from ..registry import register_family
from .dna import MobileBlock, stages, swish

FAMILY = "inverted"

ACTIVATIONS: dict[str, Callable[[int], nn.Module]] = {
    "relu": relu,
    "prelu": nn.PReLU,
    "swish": swish,
}


class Inverted(nn.Module):
    """Stem at half the size, stages of inverted residuals, 1x1, global depthwise, linear 1x1.

    Args:
        layers: of each stage its width, then kernel and expansion of each layer:
            ``"48 k3e3 k5e6, 96 k3e6"``.
        stem, head: channels before the first and after the last stage.
        strides: of the first layer of each stage; None for 2 throughout.
        activation: of all layers but the linear ones, one of ``ACTIVATIONS``.
        squeeze: width of the squeeze as a share of a layer's inputs, 0 for none.
        size: input height and width in pixels.
        embedding: output size.

    Raises:
        ValueError: an argument is not what it should be; names it.
    """

    def __init__(
        self,
        layers: str,
        stem: int = 16,
        head: int = 256,
        strides: Sequence[int] | None = None,
        activation: str = "relu",
        squeeze: float = 0.0,
        size: int = 112,
        embedding: int = 128,
    ):
        super().__init__()
        found = stages(layers)
        strides = [2] * len(found) if strides is None else list(strides)
        if len(strides) != len(found):
            raise ValueError(f"strides: expected {len(found)}, one a stage, got {len(strides)}")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation: expected one of {', '.join(ACTIVATIONS)}, got {activation!r}"
            )
        shrunk = 2 * math.prod(strides)
        if size % shrunk:
            raise ValueError(f"size: expected a multiple of {shrunk} pixels, got {size}")
        act = ACTIVATIONS[activation]
        self.stem = ConvNorm(3, stem, 3, 2, activation=act)
        self.blocks = nn.ModuleList()
        inputs = stem
        for (width, choices), first in zip(found, strides, strict=True):
            for index, (kernel, expansion) in enumerate(choices):
                stride = 1 if index else first
                self.blocks.append(
                    MobileBlock(inputs, width, kernel, expansion, stride, squeeze, act)
                )
                inputs = width
        self.tail = nn.Sequential(
            ConvNorm(inputs, head, 1, activation=act),
            GlobalDepthwise(head, head, size // shrunk, groups=head, bias=False),
            nn.BatchNorm2d(head),
            nn.Conv2d(head, embedding, 1, bias=False),
            nn.BatchNorm2d(embedding),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.tail(x).flatten(1)


@register_family(FAMILY, paper="arXiv:1911.13053")
def inverted(
    *,
    layers: str,
    embedding: int,
    size: int,
    stem: int = 16,
    head: int = 256,
    strides: Sequence[int] | None = None,
    activation: str = "relu",
    squeeze: float = 0.0,
) -> Inverted:
    """A chain of any layers."""
    if not isinstance(layers, str):
        raise ValueError(f"layers: expected text as '48 k3e3 k5e6, 96 k3e6', got {layers!r}")
    return Inverted(layers, stem, head, strides, activation, squeeze, size, embedding)
