"""Layers shared by the zoo: convolution + norm, inverted residual, global depthwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    """Convolution (padding ``kernel // 2``, no bias), batch norm, activation unless ``act`` is off.

    ``activation`` makes the layer from the number of channels.
    """

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
        activation: Callable[[int], nn.Module] = nn.PReLU,
    ):
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=eps),
        ]
        super().__init__(*layers, *([activation(outputs)] if act else []))


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1; identity added where the shape stays.

    Sandler et al., "MobileNetV2", CVPR 2018, arXiv 1801.04381, section 3.3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        expansion: int,
        activation: Callable[[int], nn.Module] = nn.PReLU,
    ):
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.net = nn.Sequential(
            ConvNorm(inputs, width, 1, activation=activation),
            ConvNorm(width, width, 3, stride, groups=width, activation=activation),
            ConvNorm(width, outputs, 1, act=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x) if self.residual else self.net(x)


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


def keep_statistics(model: nn.Module) -> nn.Module:
    """Pins every batch norm of ``model`` in evaluation mode; its factor and offset still learn.

    The mean and variance of a few people are not those of all faces, and a running mean forgets the
    start weights' within some ten batches.
    """

    def stay(mode: bool = True) -> Any:
        return None

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
            module.train = stay  # type: ignore[method-assign]
    return model
