"""What trains FHN against itself: discriminators of pictures and features, and a far camera learnt.

None of these ships. README.md says what was chosen where nothing is documented.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .blocks import Block, Conv, Doubled, start

FACTORS = (2, 4, 8)
"""Of the three scales: 56, 28 and 14 of 112 pixels."""


def _step(inputs: int, outputs: int) -> list[nn.Module]:
    return [spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2)]


class ImageDiscriminator(nn.Module):
    """Of pictures (N, 3, 112, 112): a logit for each of 14x14 patches (above 0: real), and with
    ``classes`` logits (N, classes) of the scale that the picture was made at."""

    def __init__(self, width: int = 64, classes: int = 0):
        super().__init__()
        self.body = nn.Sequential(
            *_step(3, width), *_step(width, 2 * width), *_step(2 * width, 4 * width)
        )
        self.real = spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1))
        self.scale = nn.Linear(4 * width, classes) if classes else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        maps = self.body(x)
        scale = None if self.scale is None else self.scale(maps.mean(dim=(2, 3)))
        return self.real(maps), scale


class FeatureDiscriminator(nn.Module):
    """Of what the decoder is given (N, C, grid, grid): a logit (N), above 0 for that of a sharp
    face. The generator makes a small face's features like it."""

    def __init__(self, inputs: int, width: int = 64):
        super().__init__()
        self.body = nn.Sequential(
            spectral_norm(nn.Conv2d(inputs, width, 1)), nn.LeakyReLU(0.2),
            *_step(width, 2 * width), *_step(2 * width, 2 * width),
        )  # fmt: skip
        self.out = nn.Linear(2 * width, 1)

    def forward(self, features: Tensor) -> Tensor:
        return cast(Tensor, self.out(self.body(features).mean(dim=(2, 3))))[:, 0]


class LowResolutionGenerator(nn.Module):
    """A sharp face (N, 3, 112, 112) and a scale (N), an index of ``FACTORS``, to the face as a real
    camera far away would give it, enlarged to 112 pixels again.

    What it makes is shrunk by the scale's factor (area) and enlarged (bicubic) as its last step, so
    that it can add a camera's faults but keep no detail that so few pixels cannot hold. Untrained
    it is that alone.
    """

    def __init__(self, width: int = 32, blocks: int = 3, norm: str = "instance"):
        super().__init__()
        self.net = nn.Sequential(
            Conv(3 + len(FACTORS) + 1, width, 7, 1, norm),
            Conv(width, 2 * width, 3, 2, norm),
            *(Block(2 * width, norm) for _ in range(blocks)),
            Doubled(2 * width, width, norm, "resize"),
            nn.Conv2d(width, 3, 7, padding=3),
        )
        start(self)
        nn.init.zeros_(cast(Tensor, self.net[-1].weight))

    def forward(self, sharp: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
        """``noise``: normal (N, 1, 112, 112); cameras differ from shot to shot."""
        shape = (len(sharp), len(FACTORS), *sharp.shape[2:])
        one_hot = F.one_hot(scale, len(FACTORS)).to(sharp.dtype)[:, :, None, None].expand(shape)
        whole = sharp + self.net(torch.cat([sharp, one_hot, noise], 1))
        found = torch.zeros_like(sharp)
        for index, factor in enumerate(FACTORS):
            small = F.avg_pool2d(whole, factor)
            large = F.interpolate(small, sharp.shape[2:], mode="bicubic", align_corners=False)
            found = torch.where((scale == index).view(-1, 1, 1, 1), large, found)
        return found.clamp(-1, 1)
