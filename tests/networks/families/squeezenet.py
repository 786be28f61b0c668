"""SqueezeNet 1.1 (arXiv:1602.07360) of torchvision: no batch norm, pools that round up."""

from __future__ import annotations

from ..writer import Net

FIRES = ((16, 64), (16, 64), None, (32, 128), (32, 128), None,
         (48, 192), (48, 192), (64, 256), (64, 256))  # fmt: skip


def squeezenet(size: int = 224) -> Net:
    """1,235,496 parameters."""
    net = Net("squeezenet", 3, size, size)
    x = net.relu(net.conv(net.x, 64, 3, 2, pads=[0] * 4, bias=True))
    x = net.pool(x, "MaxPool", 3, 2, ceil_mode=1)
    for fire in FIRES:
        if fire is None:
            x = net.pool(x, "MaxPool", 3, 2, ceil_mode=1)
            continue
        squeezed, expanded = fire
        x = net.relu(net.conv(x, squeezed, 1, bias=True))
        x = net.concat(
            net.relu(net.conv(x, expanded, 1, bias=True)),
            net.relu(net.conv(x, expanded, 3, bias=True)),
        )
    x = net.relu(net.conv(x, 1000, 1, bias=True))
    net.output(net.flatten(net.global_pool(x)))
    return net
