"""RepVGG-A0 (arXiv:2101.03697) as deployed: its branches merged into single 3x3 convolutions."""

from __future__ import annotations

from ..writer import Net


def repvgg(size: int = 224) -> Net:
    """8,309,384 parameters."""
    net = Net("repvgg", 3, size, size)
    x = net.x
    for channels, depth in ((48, 1), (48, 2), (96, 4), (192, 14), (1280, 1)):
        for block in range(depth):
            x = net.relu(net.conv(x, channels, 3, 1 if block else 2, bias=True))
    net.output(net.gemm(net.flatten(net.global_pool(x)), 1000))
    return net
