"""MobileNetV2 (arXiv:1801.04381) and MnasNet-A1's plain form (arXiv:1807.11626) of torchvision."""

from __future__ import annotations

from collections.abc import Callable

from ..writer import Net


def mobilenet_v2(size: int = 224) -> Net:
    """3,504,872 parameters."""
    net = Net("mobilenet_v2", 3, size, size)
    x = net.relu6(net.norm(net.conv(net.x, 32, 3, 2)))
    rows = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
        (6, 160, 3, 2), (6, 320, 1, 1),
    )  # fmt: skip
    for expand, channels, repeats, stride in rows:
        for block in range(repeats):
            x = inverted(net, x, expand, channels, 3, 1 if block else stride, net.relu6)
    x = net.relu6(net.norm(net.conv(x, 1280, 1)))
    x = net.flatten(net.global_pool(x))
    net.output(net.gemm(x, 1000))
    return net


def mnasnet(size: int = 224) -> Net:
    """MnasNet 1.0 without gates: 4,383,312 parameters."""
    net = Net("mnasnet", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 32, 3, 2)))
    x = net.relu(net.norm(net.conv(x, 32, 3, group=32)))
    x = net.norm(net.conv(x, 16, 1))
    rows = (
        (3, 24, 3, 3, 2), (3, 40, 5, 3, 2), (6, 80, 5, 3, 2), (6, 96, 3, 2, 1),
        (6, 192, 5, 4, 2), (6, 320, 3, 1, 1),
    )  # fmt: skip
    for expand, channels, kernel, repeats, stride in rows:
        for block in range(repeats):
            x = inverted(net, x, expand, channels, kernel, 1 if block else stride, net.relu)
    x = net.relu(net.norm(net.conv(x, 1280, 1)))
    net.output(net.gemm(net.mean(x), 1000))
    return net


def inverted(
    net: Net, x: str, expand: int, channels: int, kernel: int, stride: int,
    activation: Callable[[str], str],
) -> str:  # fmt: skip
    """Expansion, depthwise convolution and a linear projection, with a shortcut where it fits."""
    inputs = net.shapes[x][0]
    y = x if expand == 1 else activation(net.norm(net.conv(x, inputs * expand, 1)))
    y = activation(net.norm(net.conv(y, inputs * expand, kernel, stride, group=inputs * expand)))
    y = net.norm(net.conv(y, channels, 1))
    return net.add(x, y) if stride == 1 and inputs == channels else y
