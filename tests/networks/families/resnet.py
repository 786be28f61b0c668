"""ResNet-18 and ResNet-34 (arXiv:1512.03385), as torchvision has and PyTorch exports them."""

from __future__ import annotations

from ..writer import Net


def resnet18(size: int = 224) -> Net:
    """11,689,512 parameters."""
    return _resnet("resnet18", size, (2, 2, 2, 2))


def resnet34(size: int = 224) -> Net:
    """21,797,672 parameters."""
    return _resnet("resnet34", size, (3, 4, 6, 3))


def _resnet(name: str, size: int, depths: tuple[int, ...]) -> Net:
    net = Net(name, 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 64, 7, 2)))
    x = net.pool(x, "MaxPool", 3, 2, 1)
    for stage, depth in enumerate(depths):
        for block in range(depth):
            x = basic(net, x, 64 << stage, 2 if stage and not block else 1)
    x = net.flatten(net.global_pool(x))
    net.output(net.gemm(x, 1000))
    return net


def basic(net: Net, x: str, channels: int, stride: int) -> str:
    """Two 3x3 convolutions beside a shortcut, which a 1x1 convolution adapts."""
    y = net.relu(net.norm(net.conv(x, channels, 3, stride)))
    y = net.norm(net.conv(y, channels))
    if stride > 1 or net.shapes[x][0] != channels:
        x = net.norm(net.conv(x, channels, 1, stride))
    return net.relu(net.add(y, x))
