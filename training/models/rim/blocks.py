"""What the networks of RIM are built of: normalised convolutions, residual blocks, hourglasses."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORMS = ("batch", "instance")
UPS = ("resize", "transposed")


def norm(kind: str, channels: int) -> nn.Module:
    """``batch`` folds into the convolution before it, ``instance`` is a reduction at run time."""
    if kind not in NORMS:
        raise ValueError(f"norm: expected one of {', '.join(NORMS)}, got {kind!r}")
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels, affine=True)


class Conv(nn.Sequential):
    """Convolution without bias, norm, PReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, kind: str):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            norm(kind, outputs),
            nn.PReLU(outputs),
        )


class Block(nn.Module):
    """Two 3x3 convolutions and the identity, the second without activation."""

    def __init__(self, channels: int, kind: str):
        super().__init__()
        self.net = nn.Sequential(
            Conv(channels, channels, 3, 1, kind),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            norm(kind, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.net(x))


class Doubled(nn.Sequential):
    """Twice the side: nearest pixels and a 3x3 convolution, or a transposed 4x4 convolution."""

    def __init__(self, inputs: int, outputs: int, kind: str, up: str):
        if up not in UPS:
            raise ValueError(f"up: expected one of {', '.join(UPS)}, got {up!r}")
        if up == "resize":
            layers: list[nn.Module] = [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            ]
        else:
            layers = [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
        super().__init__(*layers, norm(kind, outputs), nn.PReLU(outputs))


class Bottleneck(nn.Module):
    """1x1 to half the channels, 3x3, 1x1 back, and the identity."""

    def __init__(self, channels: int, kind: str):
        super().__init__()
        half = max(1, channels // 2)
        self.net = nn.Sequential(
            Conv(channels, half, 1, 1, kind),
            Conv(half, half, 3, 1, kind),
            nn.Conv2d(half, channels, 1, bias=False),
            norm(kind, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.net(x))


class Hourglass(nn.Module):
    """Bottlenecks at ``depth`` halvings of the map and back, a bottleneck beside each (Newell et
    al., arXiv 1603.06937).

    Args:
        bottlenecks: in a row, before each halving and at the smallest map.
    """

    def __init__(self, channels: int, depth: int, bottlenecks: int, kind: str):
        super().__init__()

        def row() -> nn.Module:
            return nn.Sequential(*(Bottleneck(channels, kind) for _ in range(bottlenecks)))

        self.beside = nn.ModuleList(Bottleneck(channels, kind) for _ in range(depth))
        self.down = nn.ModuleList(row() for _ in range(depth))
        self.middle = row()
        self.back = nn.ModuleList(Bottleneck(channels, kind) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for beside, down in zip(self.beside, self.down, strict=True):
            if x.shape[-1] % 2 or x.shape[-2] % 2:
                raise ValueError(
                    f"hourglass: a map of {tuple(x.shape[-2:])} cannot be halved; lower depth"
                )
            kept.append(beside(x))
            x = down(F.max_pool2d(x, 2))
        x = self.middle(x)
        for own, back in zip(reversed(kept), self.back, strict=True):
            x = F.interpolate(back(x), scale_factor=2.0, mode="nearest") + own
        return x


def start(network: nn.Module) -> None:
    """Kaiming's normal weights; slopes, norms and biases stay as torch makes them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, a=0.25)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
