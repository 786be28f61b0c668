"""MobileNetV4-Conv-Small (arXiv:2404.10518), as timm has it."""

from __future__ import annotations

from ..writer import Net, divisible

# kernel before the expansion, kernel behind it, stride, expansion, channels; 0 is no convolution
BLOCKS = (
    (5, 5, 2, 3, 96), *((0, 3, 1, 2, 96),) * 4, (3, 0, 1, 4, 96),
    (3, 3, 2, 6, 128), (5, 5, 1, 4, 128), (0, 5, 1, 4, 128), (0, 5, 1, 3, 128),
    *((0, 3, 1, 4, 128),) * 2,
)  # fmt: skip


def mobilenet_v4_small(size: int = 224) -> Net:
    """3,774,024 parameters; the 1x1 convolution behind the pool has a batch norm of its own."""
    net = Net("mobilenet_v4_small", 3, size, size)
    x = net.x
    for channels, kernel, stride in ((32, 3, 2), (32, 3, 2), (32, 1, 1), (96, 3, 2), (64, 1, 1)):
        x = net.relu(net.norm(net.conv(x, channels, kernel, stride)))
    for before, behind, stride, expand, channels in BLOCKS:
        inputs, y = net.shapes[x][0], x
        if before:
            y = net.norm(net.conv(y, inputs, before, 1 if behind else stride, group=inputs))
        wide = divisible(inputs * expand)
        y = net.relu(net.norm(net.conv(y, wide, 1)))
        if behind:
            y = net.relu(net.norm(net.conv(y, wide, behind, stride, group=wide)))
        y = net.norm(net.conv(y, channels, 1))
        x = net.add(y, x) if stride == 1 and inputs == channels else y
    x = net.relu(net.norm(net.conv(x, 960, 1)))
    x = net.relu(net.norm(net.conv(net.global_pool(x), 1280, 1)))
    net.output(net.gemm(net.flatten(x), 1000))
    return net
