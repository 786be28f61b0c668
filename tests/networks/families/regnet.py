"""RegNetX-400MF (arXiv:2003.13678), as torchvision has it: convolutions in groups of 16."""

from __future__ import annotations

from ..writer import Net


def regnet(size: int = 224) -> Net:
    """5,495,976 parameters."""
    net = Net("regnet", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 32, 3, 2)))
    for channels, depth in ((32, 1), (64, 2), (160, 7), (400, 12)):
        for block in range(depth):
            stride = 1 if block else 2
            y = net.relu(net.norm(net.conv(x, channels, 1)))
            y = net.relu(net.norm(net.conv(y, channels, 3, stride, group=channels // 16)))
            y = net.norm(net.conv(y, channels, 1))
            if not block:
                x = net.norm(net.conv(x, channels, 1, stride))
            x = net.relu(net.add(x, y))
    net.output(net.gemm(net.flatten(net.global_pool(x)), 1000))
    return net
