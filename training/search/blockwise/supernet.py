"""The supernet of one cell: every layer holds all its choices, a path takes one of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from ...models.inverted import ACTIVATIONS
from ...models.inverted.dna import MobileBlock
from ..space import Cell, Space

Path = Sequence[int]
"""Of each layer the index of a choice."""


class Supernet(nn.Module):
    """All candidates of a cell between two features of the teacher; weights are shared by choice.

    Its first layer reads the teacher's ``inputs`` channels; from then on the cell has its own
    width. ``fit``, linear and 1x1, takes the last layer's to the teacher's ``outputs`` and is part
    of no network, so that a rating knows what a narrow block cannot say. (DNA's blocks end in
    twice the width and always the teacher's channels, and a cell of one layer has no width at all.)
    """

    def __init__(self, space: Space, cell: Cell, inputs: int, outputs: int):
        super().__init__()
        block, activation = space.blocks[cell.block], ACTIVATIONS[space.activation]
        self.layers, width = nn.ModuleList(), cell.width
        for index in range(cell.depth):
            stride = 1 if index else block.stride
            self.layers.append(
                nn.ModuleList(
                    MobileBlock(inputs, width, kernel, expansion, stride, space.squeeze, activation)
                    for kernel, expansion in block.choices
                )
            )
            inputs = width
        self.fit = nn.Conv2d(width, outputs, 1)

    def layer(self, index: int, choice: int) -> nn.Module:
        """One choice of one layer."""
        choices = self.layers[index]
        assert isinstance(choices, nn.ModuleList)
        return choices[choice]

    def forward(self, x: Tensor, path: Path) -> Tensor:
        for index, choice in enumerate(path):
            x = self.layer(index, choice)(x)
        made: Tensor = self.fit(x)
        return made


def draw(choices: int, depth: int, seed: int, step: int) -> list[int]:
    """The path of a step: every choice of every layer as likely, the same after a resume."""
    return np.random.default_rng([seed, step, 5]).integers(0, choices, depth).tolist()
