"""MobileNetV3 small and large (arXiv:1905.02244) of torchvision: hard swish and gates."""

from __future__ import annotations

from ..writer import Net, divisible

# kernel, expanded, channels, gate, hard swish, stride
LARGE = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1),
)  # fmt: skip
SMALL = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)  # fmt: skip


def mobilenet_v3_small(size: int = 224) -> Net:
    """2,542,856 parameters."""
    return _network("mobilenet_v3_small", size, SMALL, 1024)


def mobilenet_v3_large(size: int = 224) -> Net:
    """5,483,032 parameters."""
    return _network("mobilenet_v3_large", size, LARGE, 1280)


def _network(
    name: str, size: int, rows: tuple[tuple[int, int, int, bool, bool, int], ...], hidden: int
) -> Net:
    net = Net(name, 3, size, size)
    x = net.hard_swish(net.norm(net.conv(net.x, 16, 3, 2)))
    for kernel, expanded, channels, gated, swish, stride in rows:
        activation = net.hard_swish if swish else net.relu
        inputs, y = net.shapes[x][0], x
        if expanded != inputs:
            y = activation(net.norm(net.conv(y, expanded, 1)))
        y = activation(net.norm(net.conv(y, expanded, kernel, stride, group=expanded)))
        if gated:
            y = gate(net, y, divisible(expanded / 4))
        y = net.norm(net.conv(y, channels, 1))
        x = net.add(y, x) if stride == 1 and inputs == channels else y
    x = net.hard_swish(net.norm(net.conv(x, 6 * net.shapes[x][0], 1)))
    x = net.flatten(net.global_pool(x))
    net.output(net.gemm(net.hard_swish(net.gemm(x, hidden)), 1000))
    return net


def gate(net: Net, x: str, squeezed: int) -> str:
    """Squeeze and excitation with a hard sigmoid."""
    s = net.relu(net.conv(net.global_pool(x), squeezed, 1, bias=True))
    s = net.hard_sigmoid(net.conv(s, net.shapes[x][0], 1, bias=True))
    return net.node("Mul", s, x, shape=net.shapes[x])
