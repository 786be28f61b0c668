"""FaceFinder: faces, how sure they are, their boxes and five landmarks, for small processors.

Paper
-----
Ours. Anchor-free heads of strides 8, 16 and 32 with class, objectness, box and five points are
YuNet's (W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine
Intelligence Research 2023), which follows YOLOX (arXiv 2107.08430); blocks of a depthwise 3x3 and a
1x1 are MobileNet's (arXiv 1704.04861), the sums from coarse to fine FPN's (arXiv 1612.03144). The
choices are those of a small processor: ReLU, widths in multiples of 16, one 1x1 of 16 channels as
head, no exponential: edges are distances, as in FCOS (arXiv 1904.01355).

Input: float32 (N, 3, height, width), RGB, ``(x - 127.5) / 127.5``; sides multiples of 32.
Output: three float32 maps (N, height / s, width / s, 16) of s = 8, 16, 32, values in [-4, 4]. The
channels of a cell: half the logits of class and objectness, then in units of s, from the cell's
centre ``((column + 0.5) s, (row + 0.5) s)``: distances to the box's left, top, right and bottom
edge, and x, y of image-left eye, image-right eye, nose, left and right mouth corner. Half the
logits, so that all channels need the same range and 8 bits serve them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..layers import ConvNorm
from ..registry import DETECTION, register, register_family
from .maps import CHANNELS, LIMIT, LOGIT, STRIDES

PRIOR = 0.02
"""Probability of a face that an untrained network gives a cell: focal loss's start."""

# ------------------------------------------------------------------------------------------ blocks


def relu(_: int) -> nn.Module:
    """The activation of every layer, whatever its channels."""
    return nn.ReLU()


class Separable(nn.Module):
    """Depthwise 3x3 and 1x1, both with ReLU; what came is added where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.depthwise = ConvNorm(inputs, inputs, 3, stride, groups=inputs, activation=relu)
        self.pointwise = ConvNorm(inputs, outputs, 1, act=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pointwise(self.depthwise(x))
        return F.relu(x + y if self.residual else y)


# ----------------------------------------------------------------------------------------- network


class FaceFinder(nn.Module):
    """Stem at half the size, a stage a halving, sums from coarse to fine, a head a stride.

    Args:
        stem: channels at half the size.
        widths: channels at strides 4, 8, 16 and 32.
            Those of 8, 16 and 32 are alike, so that maps are summed without a layer between.
        blocks: of each of these stages.
        towers: blocks between the sums and the head, at strides 8, 16 and 32.

    Raises:
        ValueError: numbers of other lengths or signs, or a width that is no multiple of 16.
    """

    def __init__(
        self, stem: int, widths: Sequence[int], blocks: Sequence[int], towers: Sequence[int]
    ):
        super().__init__()
        if any(width < 16 or width % 16 for width in (stem, *widths)):
            raise ValueError(f"stem, widths: expected multiples of 16, got {stem}, {list(widths)}")
        if len(widths) != 4 or len(set(widths[1:])) != 1:
            raise ValueError(f"widths: expected four, the last three alike, got {list(widths)}")
        if len(blocks) != 4 or min(blocks) < 1 or len(towers) != 3 or min(towers) < 0:
            raise ValueError(
                "blocks, towers: expected four numbers from 1 and three from 0, got "
                f"{list(blocks)} and {list(towers)}"
            )
        self.stem = ConvNorm(3, stem, 3, 2, activation=relu)
        self.stages = nn.ModuleList()
        channels = stem
        for width, count in zip(widths, blocks, strict=True):
            first = Separable(channels, width, 2)
            more = (Separable(width, width) for _ in range(count - 1))
            self.stages.append(nn.Sequential(first, *more))
            channels = width
        self.towers = nn.ModuleList(
            nn.Sequential(*(Separable(channels, channels) for _ in range(count)))
            for count in towers
        )
        self.heads = nn.ModuleList(nn.Conv2d(channels, CHANNELS, 1) for _ in STRIDES)
        self.start()

    def start(self) -> None:
        """Weights before training."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        for head in self.heads:
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            with torch.no_grad():
                # The product of two probabilities is PRIOR.
                head.bias[:2] = torch.logit(torch.tensor(PRIOR**0.5)) / LOGIT
                head.bias[2:6] = 1.0  # a box of two strides

    def maps(self, x: Tensor) -> list[Tensor]:
        """The outputs without their bounds, which would stop gradients: what training reads."""
        x = self.stem(x)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        above: Tensor | None = None
        outputs = []
        for index in reversed(range(len(STRIDES))):
            y = found[index + 1]
            above = y if above is None else y + F.interpolate(above, scale_factor=2.0)
            outputs.append(self.heads[index](self.towers[index](above)).permute(0, 2, 3, 1))
        return outputs[::-1]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(F.hardtanh(y, -LIMIT, LIMIT) for y in self.maps(x))


# ---------------------------------------------------------------------- configurations and entries

SMALL = {"stem": 16, "widths": [32, 64, 64, 64], "blocks": [3, 4, 4, 1], "towers": [1, 0, 0]}


@register_family("facefinder", paper="ours", task=DETECTION)
def family(
    *, stem: int, widths: Sequence[int], blocks: Sequence[int], towers: Sequence[int], size: int,
    height: int, embedding: int = CHANNELS,
) -> FaceFinder:  # fmt: skip
    """A detector of any widths for pictures of ``size`` by ``height`` pixels (and others)."""
    if embedding != CHANNELS or size % STRIDES[-1] or height % STRIDES[-1]:
        raise ValueError(
            f"architecture of facefinder: expected embedding {CHANNELS} and sides that are "
            f"multiples of {STRIDES[-1]}, got {embedding}, {size} and {height}"
        )
    return FaceFinder(stem, widths, blocks, towers)


@register(
    "facefinder_160", paper="ours", embedding=CHANNELS, input_size=160, task=DETECTION,
    architecture={
        "family": "facefinder", "embedding": CHANNELS, "size": 160, "height": 128, **SMALL,
    },
)  # fmt: skip
def facefinder_160() -> FaceFinder:
    """For 160x128 pixels, width by height: a Cortex-M7's 22 M cycles."""
    return FaceFinder(**SMALL)  # type: ignore[arg-type]
