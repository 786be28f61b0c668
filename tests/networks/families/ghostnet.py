"""GhostNet 1.0 (arXiv:1911.11907), as timm has it: half of the channels are cheap copies."""

from __future__ import annotations

from ..writer import Net, divisible

# kernel, expanded, channels, gate, stride
BLOCKS = (
    (3, 16, 16, False, 1), (3, 48, 24, False, 2), (3, 72, 24, False, 1), (5, 72, 40, True, 2),
    (5, 120, 40, True, 1), (3, 240, 80, False, 2), (3, 200, 80, False, 1), (3, 184, 80, False, 1),
    (3, 184, 80, False, 1), (3, 480, 112, True, 1), (3, 672, 112, True, 1), (5, 672, 160, True, 2),
    (5, 960, 160, False, 1), (5, 960, 160, True, 1), (5, 960, 160, False, 1),
    (5, 960, 160, True, 1),
)  # fmt: skip


def ghostnet(size: int = 224) -> Net:
    """5,182,508 parameters; timm's table says 5.18 M."""
    net = Net("ghostnet", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 16, 3, 2)))
    for row in BLOCKS:
        x = _bottleneck(net, x, *row)
    x = net.relu(net.norm(net.conv(x, 960, 1)))
    x = net.relu(net.conv(net.global_pool(x), 1280, 1, bias=True))
    net.output(net.gemm(net.flatten(x), 1000))
    return net


def _bottleneck(
    net: Net, x: str, kernel: int, expanded: int, channels: int, gated: bool, stride: int
) -> str:
    inputs = net.shapes[x][0]
    y = _ghost(net, x, expanded, activate=True)
    if stride > 1:
        y = net.norm(net.conv(y, expanded, kernel, stride, group=expanded))
    if gated:
        s = net.conv(net.mean(y, keep=True), divisible(expanded / 4, 4), 1, bias=True)
        s = net.hard_sigmoid(net.conv(net.relu(s), expanded, 1, bias=True))
        y = net.node("Mul", y, s)
    y = _ghost(net, y, channels, activate=False)
    if stride > 1 or inputs != channels:
        x = net.norm(net.conv(x, inputs, kernel, stride, group=inputs))
        x = net.norm(net.conv(x, channels, 1))
    return net.add(y, x)


def _ghost(net: Net, x: str, channels: int, activate: bool) -> str:
    activation = net.relu if activate else net.plain
    half = -(-channels // 2)
    first = activation(net.norm(net.conv(x, half, 1)))
    second = activation(net.norm(net.conv(first, half, 3, group=half)))
    return net.slice(net.concat(first, second), 0, channels)
