"""FHN: a face of few pixels made sharp, by way of where its points and parts are.

Paper
-----
H. Kong et al. (RIM), arXiv 1905.10777: coarse super-resolution, then a fine encoder and a prior
network (landmarks, parsing) side by side, then a decoder of both. Structure from the abstract and
from what is known of the later published tree; README.md beside this says what is undocumented and
what was chosen.

Input: float32 (N, 3, 112, 112), RGB, ``(x - 127.5) / 127.5``, the small face enlarged by bicubic
interpolation, of whatever size it was. Output: the same, sharp, in [-1, 1].
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..registry import register, register_family
from .blocks import Block, Conv, Doubled, Hourglass, start

RESTORATION = "restoration"

# ------------------------------------------------------------------------------------------ blocks


class Trunk(nn.Module):
    """Two halvings, residual blocks, two doublings; either end may be left out.

    Channels are ``width``, twice and four times that; the output has those of its last layer.
    """

    def __init__(
        self, inputs: int, width: int, blocks: int, kind: str, up: str,
        *, halve: bool = True, double: bool = True,
    ):  # fmt: skip
        super().__init__()
        wide = 4 * width
        layers: list[nn.Module] = [Conv(inputs, wide, 3, 1, kind)]
        if halve:
            layers = [
                Conv(inputs, width, 7, 1, kind),
                Conv(width, 2 * width, 3, 2, kind),
                Conv(2 * width, wide, 3, 2, kind),
            ]
        layers += [Block(wide, kind) for _ in range(blocks)]
        if double:
            layers += [Doubled(wide, 2 * width, kind, up), Doubled(2 * width, width, kind, up)]
        self.net = nn.Sequential(*layers)
        self.outputs = width if double else wide

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.net(x))


class Prior(nn.Module):
    """Features (N, width, grid, grid), and of them heat maps of points and logits of parts."""

    def __init__(
        self, width: int, grid: int, hourglasses: int, depth: int, bottlenecks: int,
        landmarks: int, parts: int, kind: str,
    ):  # fmt: skip
        super().__init__()
        halvings = {112: (1, 1), 56: (2, 1), 28: (2, 2)}[grid]
        self.stem = nn.Sequential(
            Conv(3, width, 7, halvings[0], kind),
            Conv(width, width, 3, halvings[1], kind),
            Block(width, kind),
            Block(width, kind),
        )
        self.hourglasses = nn.Sequential(
            *(Hourglass(width, depth, bottlenecks, kind) for _ in range(hourglasses))
        )
        self.landmarks = nn.Conv2d(width, landmarks, 1)
        self.parts = nn.Conv2d(width, parts, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.hourglasses(self.stem(x))
        return features, self.landmarks(features), self.parts(features)


# ----------------------------------------------------------------------------------------- network


class Restored(NamedTuple):
    """What FHN makes of a batch: both pictures (N, 3, 112, 112), a heat map a point and a logit a
    part at (grid, grid), and the features that the decoder is given."""

    coarse: Tensor
    image: Tensor
    landmarks: Tensor
    parts: Tensor
    features: Tensor


class FHN(nn.Module):
    """The generator.

    Args:
        width: channels at full side; 64 in the published tree.
        blocks: residual blocks of each trunk.
        grid: side of the maps that encoder and prior network hand to the decoder: 112 as in the
            published tree, or 28, where the encoder does not double what the decoder halves again.
        hourglasses, depth, bottlenecks: of the prior network.
        landmarks, parts: points and classes of the priors.
        norm, up: see blocks.py.
        skip: each picture is what came before it and a correction, cut to [-1, 1], so that an
            untrained network gives bicubic interpolation; without, tanh as in the published tree.

    Raises:
        ValueError: ``grid`` is neither 28 nor 112, or cannot be halved ``depth`` times.
    """

    def __init__(
        self, *, width: int = 64, blocks: int = 6, grid: int = 112, hourglasses: int = 4,
        depth: int = 4, bottlenecks: int = 3, landmarks: int = 5, parts: int = 19,
        norm: str = "instance", up: str = "transposed", skip: bool = True,
    ):  # fmt: skip
        super().__init__()
        if grid not in (28, 112):
            raise ValueError(f"grid: expected 28 or 112, got {grid}")
        if grid % 2**depth:
            raise ValueError(f"depth: {grid} pixels cannot be halved {depth} times")
        self.skip, self.grid = skip, grid
        whole = grid == 112
        self.coarse = Trunk(3, width, blocks, norm, up)
        self.coarse_image = nn.Conv2d(width, 3, 7, padding=3)
        self.encoder = Trunk(3, width, blocks, norm, up, double=whole)
        self.prior = Prior(width, grid, hourglasses, depth, bottlenecks, landmarks, parts, norm)
        given = self.encoder.outputs + width
        self.decoder = Trunk(given, width * (2 if whole else 1), blocks, norm, up, halve=whole)
        self.image = nn.Conv2d(self.decoder.outputs, 3, 7, padding=3)
        self.features = given
        start(self)
        if skip:
            for head in (self.coarse_image, self.image):
                nn.init.zeros_(head.weight)

    def restored(self, x: Tensor) -> Restored:
        """All that training compares."""
        coarse = self._picture(x, self.coarse_image(self.coarse(x)))
        features, landmarks, parts = self.prior(coarse)
        joined = torch.cat([self.encoder(coarse), features], 1)
        image = self._picture(coarse, self.image(self.decoder(joined)))
        return Restored(coarse, image, landmarks, parts, joined)

    def forward(self, x: Tensor) -> Tensor:
        return self.restored(x).image

    def _picture(self, before: Tensor, made: Tensor) -> Tensor:
        return F.hardtanh(before + made) if self.skip else made.tanh()


# ---------------------------------------------------------------------- configurations and entries

SMALL = {
    "width": 16, "blocks": 3, "grid": 28, "hourglasses": 1, "depth": 2, "bottlenecks": 1,
    "norm": "batch", "up": "resize",
}  # fmt: skip


@register_family("fhn", paper="arXiv 1905.10777", task=RESTORATION)
def family(*, embedding: int = 3, size: int = 112, **arguments: object) -> FHN:
    """FHN of any width, by itself that of the published tree (51 M parameters); ``embedding`` is
    the picture's three channels."""
    if (embedding, size) != (3, 112):
        raise ValueError("architecture of fhn: expected embedding = 3 and size = 112")
    return FHN(**arguments)  # type: ignore[arg-type]


@register("fhn_small", paper="arXiv 1905.10777", embedding=3, task=RESTORATION)
def fhn_small() -> FHN:
    """For boards: below 1 M parameters, norms that fold away, no transposed convolution."""
    return FHN(**SMALL)  # type: ignore[arg-type]
