"""FaceChain: a chain of inverted residuals with one dial, its multiply-accumulates.

Paper
-----
Ours. The blocks are MobileNetV2's linear inverted residuals (Sandler et al., CVPR 2018, arXiv
1801.04381), the head is MobileFaceNet's (arXiv 1804.07573). The choices are those of a small
processor: ReLU, which an int8 convolution clamps for nothing; 3x3 depthwise kernels only; every
width a multiple of 16, so that no vector is part empty; 28 pixels from the third layer on, so that
the arena stays small.

Input: float32 (N, 3, size, size), RGB, ``(x - 127.5) / 127.5``; ``size`` a multiple of 16, 80 to
112.
Output: float32 (N, embedding).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from .layers import ConvNorm, GlobalDepthwise, InvertedResidual
from .registry import register, register_family

# ------------------------------------------------------------------------------------------ blocks


def relu(_: int) -> nn.Module:
    """The activation of every layer, whatever its channels."""
    return nn.ReLU()


# ----------------------------------------------------------------------------------------- network

STAGES = ((2, 48, 4), (3, 96, 6), (3, 160, 3))
"""Per halving of the map ``(expansion, channels at width 1, blocks at depth 1)``."""

WIDTHS = tuple(step / 64 for step in range(8, 129))
DEPTHS = (2 / 3, 5 / 6, 1.0, 7 / 6, 4 / 3)


class FaceChain(nn.Module):
    """Stem at half the size, three stages, 1x1 to the head's width, GDC, linear 1x1.

    Args:
        width: factor on every channel count, which is then rounded to a multiple of 16.
        depth: factor on every stage's number of blocks, which is then rounded.
        size: input height and width in pixels.
        embedding: output size.
    """

    def __init__(self, width: float, depth: float = 1.0, size: int = 112, embedding: int = 128):
        super().__init__()
        if size % 16 or not 80 <= size <= 112:
            raise ValueError(f"size: expected 80, 96 or 112 pixels, got {size}")
        channels = multiple(32 * width)
        self.stem = ConvNorm(3, channels, 3, 2, activation=relu)
        shapes = list(layout(width, depth))
        self.blocks = nn.Sequential(*(InvertedResidual(*shape, relu) for shape in shapes))
        channels = shapes[-1][1]
        head, side = multiple(512 * min(width, 1.0)), size // 16
        self.tail = nn.Sequential(
            ConvNorm(channels, head, 1, activation=relu),
            GlobalDepthwise(head, head, side, groups=head, bias=False),
            nn.BatchNorm2d(head),
            nn.Conv2d(head, embedding, 1, bias=False),
            nn.BatchNorm2d(embedding),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(self.stem(x))).flatten(1)


def multiple(channels: float) -> int:
    """``channels`` rounded to a multiple of 16, at least 16."""
    return max(16, int(channels / 16 + 0.5) * 16)


def layout(width: float, depth: float) -> Iterator[tuple[int, int, int, int]]:
    """Inputs, outputs, stride and expansion of every block."""
    channels = multiple(32 * width)
    for expansion, base, count in STAGES:
        for index in range(round(count * depth)):
            outputs = multiple(base * width)
            yield channels, outputs, 1 if index else 2, expansion
            channels = outputs


def macs(width: float, depth: float = 1.0, size: int = 112, embedding: int = 128) -> int:
    """Multiply-accumulates of ``FaceChain`` with these arguments, by its layers' shapes."""
    side, channels = size // 2, multiple(32 * width)
    total = side * side * 27 * channels
    for inputs, channels, stride, expansion in layout(width, depth):
        wide = inputs * expansion
        total += side * side * inputs * wide
        side //= stride
        total += side * side * wide * (9 + channels)
    head = multiple(512 * min(width, 1.0))
    return total + side * side * head * (channels + 1) + head * embedding


def facechain(budget: float, size: int = 112, embedding: int = 128) -> FaceChain:
    """The chain with the most multiply-accumulates within ``budget``, 10 to 250 million.

    Raises:
        ValueError: the smallest chain is above ``budget``, or ``size`` is none of 80, 96, 112.
    """
    sizes = {(macs(w, d, size, embedding), w, d) for w in WIDTHS for d in DEPTHS}
    fitting = [candidate for candidate in sizes if candidate[0] <= budget]
    if not fitting:
        raise ValueError(
            f"budget: {budget:,.0f} MACs are too few at {size} pixels, the smallest chain has "
            f"{min(sizes)[0]:,}; raise the budget or lower the size"
        )
    _, width, depth = max(fitting)
    return FaceChain(width, depth, size, embedding)


# ---------------------------------------------------------------------- configurations and entries


@register_family("facechain", paper="ours")
def chain(*, width: float, depth: float, embedding: int, size: int) -> FaceChain:
    """A chain of any width and depth, for 80, 96 or 112 pixels."""
    return FaceChain(width, depth, size, embedding)


@register("facechain_125m", paper="ours", embedding=128)
def facechain_125m() -> FaceChain:
    """FaceChain of at most 125 M MACs at 112 pixels."""
    return facechain(125e6)


@register("facechain_25m", paper="ours", embedding=128)
def facechain_25m() -> FaceChain:
    """FaceChain of at most 25 M MACs at 112 pixels."""
    return facechain(25e6)


@register("facechain_12m", paper="ours", embedding=128)
def facechain_12m() -> FaceChain:
    """FaceChain of at most 12.5 M MACs at 112 pixels: half of the next, for a student in two."""
    return facechain(12.5e6)


@register("face_lowres_125m", paper="ours", embedding=128)
def face_lowres_125m() -> FaceChain:
    """FaceChain 125 M whose weights know faces of few pixels (recipes/far/facechain_125m.toml)."""
    return facechain(125e6)
