"""DenseNet-121 (arXiv:1608.06993) of torchvision: batch norms before convolutions stay in."""

from __future__ import annotations

from ..writer import Net


def densenet121(size: int = 224) -> Net:
    """7,978,856 parameters."""
    net = Net("densenet121", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 64, 7, 2)))
    x = net.pool(x, "MaxPool", 3, 2, 1)
    for stage, depth in enumerate((6, 12, 24, 16)):
        if stage:
            x = net.conv(net.relu(net.norm(x)), net.shapes[x][0] // 2, 1)
            x = net.pool(x, "AveragePool", 2, 2)
        found = [x]
        for _ in range(depth):
            y = net.concat(*found) if len(found) > 1 else found[0]
            y = net.conv(net.relu(net.norm(y)), 128, 1)
            found.append(net.conv(net.relu(net.norm(y)), 32))
        x = net.concat(*found)
    x = net.global_pool(net.relu(net.norm(x)))
    net.output(net.gemm(net.flatten(x), 1000))
    return net
