"""EfficientNet-B0 (arXiv:1905.11946) with SiLU and gates, and Lite0 without either."""

from __future__ import annotations

from ..writer import Net
from .mobilenet import inverted

# expansion, kernel, stride, channels, repeats
ROWS = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip


def efficientnet_b0(size: int = 224) -> Net:
    """5,288,548 parameters."""
    net = Net("efficientnet_b0", 3, size, size)
    x = net.silu(net.norm(net.conv(net.x, 32, 3, 2)))
    for expand, kernel, stride, channels, repeats in ROWS:
        for block in range(repeats):
            x = _gated(net, x, expand, channels, kernel, 1 if block else stride)
    x = net.silu(net.norm(net.conv(x, 1280, 1)))
    net.output(net.gemm(net.flatten(net.global_pool(x)), 1000))
    return net


def efficientnet_lite0(size: int = 224) -> Net:
    """4,652,008 parameters."""
    net = Net("efficientnet_lite0", 3, size, size)
    x = net.relu6(net.norm(net.conv(net.x, 32, 3, 2)))
    for expand, kernel, stride, channels, repeats in ROWS:
        for block in range(repeats):
            x = inverted(net, x, expand, channels, kernel, 1 if block else stride, net.relu6)
    x = net.relu6(net.norm(net.conv(x, 1280, 1)))
    net.output(net.gemm(net.flatten(net.global_pool(x)), 1000))
    return net


def _gated(net: Net, x: str, expand: int, channels: int, kernel: int, stride: int) -> str:
    inputs = net.shapes[x][0]
    wide = inputs * expand
    y = x if expand == 1 else net.silu(net.norm(net.conv(x, wide, 1)))
    y = net.silu(net.norm(net.conv(y, wide, kernel, stride, group=wide)))
    s = net.silu(net.conv(net.mean(y, keep=True), inputs // 4, 1, bias=True))
    s = net.node("Sigmoid", net.conv(s, wide, 1, bias=True))
    y = net.norm(net.conv(net.node("Mul", y, s), channels, 1))
    return net.add(y, x) if stride == 1 and inputs == channels else y
