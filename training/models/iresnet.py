"""iResNet: the residual networks that teach, as ArcFace trains them.

Paper
-----
J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face
Recognition", CVPR 2019, arXiv 1801.07698, section 3.1: ResNet with the improved residual unit
BN-conv-BN-PReLU-conv-BN and the embedding head BN-dropout-linear-BN.

Input: float32 (N, 3, 112, 112), RGB, ``(x - 127.5) / 127.5``. Output: float32 (N, embedding).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .registry import register

# ------------------------------------------------------------------------------------------ blocks


class Unit(nn.Module):
    """BN, 3x3, BN, PReLU, 3x3 with the stride, BN; a 1x1 shortcut where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


# ----------------------------------------------------------------------------------------- network


class IResNet(nn.Module):
    """Stem at full resolution, four halving stages, a linear layer over the whole 7x7 map.

    Args:
        units: residual units of each stage.
        embedding: output size; the last batch norm has a gain of 1 that is not trained.
    """

    def __init__(self, units: Sequence[int], embedding: int):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        blocks: list[nn.Module] = []
        width = 64
        for stage, count in enumerate(units):
            for index in range(count):
                blocks.append(Unit(width, 64 << stage, 1 if index else 2))
                width = 64 << stage
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Flatten(1),
            nn.Linear(width * 49, embedding),
            nn.BatchNorm1d(embedding),
        )
        self.tail[-1].weight.requires_grad = False
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.blocks(self.stem(x)))


# ---------------------------------------------------------------------- configurations and entries

PAPER = "arXiv:1801.07698"


@register("iresnet18", paper=PAPER, embedding=512)
def iresnet18() -> IResNet:
    """iResNet-18: 24,025,600 parameters at 512 dimensions."""
    return IResNet((2, 2, 2, 2), 512)


@register("iresnet34", paper=PAPER, embedding=512)
def iresnet34() -> IResNet:
    """iResNet-34."""
    return IResNet((3, 4, 6, 3), 512)


@register("iresnet50", paper=PAPER, embedding=512)
def iresnet50() -> IResNet:
    """iResNet-50."""
    return IResNet((3, 4, 14, 3), 512)


@register("iresnet100", paper=PAPER, embedding=512)
def iresnet100() -> IResNet:
    """iResNet-100."""
    return IResNet((3, 13, 30, 3), 512)


@register("iresnet100_128", paper=PAPER, embedding=128)
def iresnet100_128() -> IResNet:
    """iResNet-100 with 128 dimensions: the teacher of PocketNet's 128-dimensional students."""
    return IResNet((3, 13, 30, 3), 128)


@register("iresnet100_256", paper=PAPER, embedding=256)
def iresnet100_256() -> IResNet:
    """iResNet-100 with 256 dimensions: the teacher of PocketNet's 256-dimensional students."""
    return IResNet((3, 13, 30, 3), 256)
