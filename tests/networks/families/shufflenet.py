"""ShuffleNetV2 x1.0 (arXiv:1807.11164) of torchvision: channels are split, joined and shuffled."""

from __future__ import annotations

from ..writer import Net


def shufflenet_v2(size: int = 224) -> Net:
    """2,278,604 parameters."""
    net = Net("shufflenet_v2", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 24, 3, 2)))
    x = net.pool(x, "MaxPool", 3, 2, 1)
    for channels, repeats in ((116, 4), (232, 8), (464, 4)):
        for block in range(repeats):
            x = _unit(net, x, channels // 2, 1 if block else 2)
    x = net.relu(net.norm(net.conv(x, 1024, 1)))
    net.output(net.gemm(net.mean(x), 1000))
    return net


def _unit(net: Net, x: str, half: int, stride: int) -> str:
    if stride == 1:
        parts = [(half, *net.shapes[x][1:])] * 2
        left, right = net.split("Split", x, net.integers(half, half), shapes=parts, axis=1)
    else:
        left = net.norm(net.conv(x, net.shapes[x][0], 3, 2, group=net.shapes[x][0]))
        left, right = net.relu(net.norm(net.conv(left, half, 1))), x
    right = net.relu(net.norm(net.conv(right, half, 1)))
    right = net.norm(net.conv(right, half, 3, stride, group=half))
    right = net.relu(net.norm(net.conv(right, half, 1)))
    return shuffle(net, net.concat(left, right), 2)


def shuffle(net: Net, x: str, groups: int) -> str:
    """Takes one channel of each group after the other."""
    channels, height, width = net.shapes[x]
    y = net.reshape(x, groups, channels // groups, height, width)
    return net.reshape(net.transpose(y, 0, 2, 1, 3, 4), channels, height, width)
