"""Layers shared by the zoo: convolution + norm + PReLU, and the global depthwise convolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    """Convolution (padding ``kernel // 2``, no bias), batch norm, PReLU unless ``act`` is off."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        act: bool = True,
        eps: float = 1e-5,
    ):
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=eps),
        ]
        super().__init__(*layers, *([nn.PReLU(outputs)] if act else []))


class GlobalDepthwise(nn.Conv2d):
    """Depthwise (or group) convolution over the whole last map (GDC, MobileFaceNet section 3.2).

    At the size the network was built for this is an ordinary convolution. A smaller map, as in the
    low-resolution phases of progressive training, meets the kernel averaged down to its size and
    scaled by the ratio of areas: a flat kernel responds alike at any size, others about alike.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        full_height, full_width = self.kernel_size
        if (height, width) == (full_height, full_width):
            return super().forward(x)
        area = full_height * full_width / (height * width)
        weight = F.adaptive_avg_pool2d(self.weight, (height, width)) * area
        return F.conv2d(x, weight, self.bias, groups=self.groups)
