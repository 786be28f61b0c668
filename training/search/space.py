"""The inverted-residual space: blocks, of each block cells, of each cell chains of layers.

A block halves the map (or keeps it). A cell of it has a width and a depth; its candidates are all
ways to give each of its layers a kernel and an expansion. DNA (arXiv 1911.13053) searches cells as
separate supernets. Whatever is said of a layer here (MACs, parameters, key in a cost table) is
said by its shape alone; the network that it describes is ``models/inverted/chain.py``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..models.facechain import FaceChain
from ..models.inverted import FAMILY
from ..models.inverted.dna import stages

Choice = tuple[int, int]
"""Kernel and expansion of a layer."""


@dataclass(frozen=True)
class Stem:
    """3x3 convolution at stride 2 from three colours; ``size``: side of the picture in pixels."""

    outputs: int
    size: int
    activation: str = "relu"

    @property
    def key(self) -> str:
        """Its row in a cost table."""
        return f"stem/3-{self.outputs}/k3s2/{self.size}/{self.activation}"

    @property
    def macs(self) -> int:
        return (self.size // 2) ** 2 * 27 * self.outputs

    @property
    def parameters(self) -> int:
        return 27 * self.outputs + _norm(self.outputs, self.activation)


@dataclass(frozen=True)
class Layer:
    """1x1 expansion, k x k depthwise, squeeze, linear 1x1; an identity where shapes stay.

    ``size``: side of the input map in pixels. ``squeeze``: 0, or its width as a share of inputs.
    """

    inputs: int
    outputs: int
    kernel: int
    expansion: int
    stride: int
    size: int
    activation: str = "relu"
    squeeze: float = 0.0

    @property
    def key(self) -> str:
        """Its row in a cost table, such as ``ir/16-24/k3e3s2/56/relu/0``."""
        return (
            f"ir/{self.inputs}-{self.outputs}/k{self.kernel}e{self.expansion}s{self.stride}/"
            f"{self.size}/{self.activation}/{self.squeeze:g}"
        )

    @property
    def side(self) -> int:
        """Of the output map, in pixels."""
        return -(-self.size // self.stride)

    @property
    def macs(self) -> int:
        wide, out = self.inputs * self.expansion, self.side**2
        total = out * wide * (self.kernel**2 + self.outputs) + 2 * wide * self._inner
        return total + (self.size**2 * self.inputs * wide if self.expansion != 1 else 0)

    @property
    def parameters(self) -> int:
        wide, inner = self.inputs * self.expansion, self._inner
        total = wide * self.kernel**2 + _norm(wide, self.activation)
        total += wide * self.outputs + 2 * self.outputs
        if self.expansion != 1:
            total += self.inputs * wide + _norm(wide, self.activation)
        if inner:
            total += 2 * wide * inner + inner + wide
            total += inner if self.activation == "prelu" else 0
        return total

    @property
    def _inner(self) -> int:
        return max(1, round(self.inputs * self.squeeze)) if self.squeeze else 0


@dataclass(frozen=True)
class Head:
    """1x1 to ``width``, depthwise over the map of side ``size``, linear 1x1 to ``outputs``."""

    inputs: int
    width: int
    outputs: int
    size: int
    activation: str = "relu"

    @property
    def key(self) -> str:
        """Its row in a cost table, such as ``head/160-512-128/gdc/7/relu``."""
        channels = f"{self.inputs}-{self.width}-{self.outputs}"
        return f"head/{channels}/gdc/{self.size}/{self.activation}"

    @property
    def macs(self) -> int:
        return self.size**2 * self.width * (self.inputs + 1) + self.width * self.outputs

    @property
    def parameters(self) -> int:
        own = self.inputs * self.width + _norm(self.width, self.activation)
        own += self.size**2 * self.width + 2 * self.width
        return own + self.width * self.outputs + 2 * self.outputs


Part = Stem | Layer | Head


def _norm(channels: int, activation: str) -> int:
    """Parameters of a batch norm and of the activation after it."""
    return channels * (3 if activation == "prelu" else 2)


@dataclass(frozen=True)
class Block:
    """What may stand between two features of the teacher: ``stride`` is of the first layer."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    stride: int = 2
    kernels: tuple[int, ...] = (3, 5, 7)
    expansions: tuple[int, ...] = (3, 6)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Of each layer."""
        return tuple(itertools.product(self.kernels, self.expansions))


@dataclass(frozen=True)
class Cell:
    """One width and depth of a block; the cells of a block are rated by supernets of their own."""

    block: int
    width: int
    depth: int

    @property
    def name(self) -> str:
        return f"block-{self.block + 1}-w{self.width}-d{self.depth}"


@dataclass(frozen=True, order=True)
class Candidate:
    """The layers of a block: output channels of all, kernel and expansion of each."""

    width: int
    choices: tuple[Choice, ...]

    def __str__(self) -> str:
        """As an architecture has it: ``48 k3e3 k5e6``."""
        return " ".join([str(self.width), *(f"k{k}e{e}" for k, e in self.choices)])

    @classmethod
    def read(cls, text: str) -> Candidate:
        """The candidate of :meth:`__str__`; ValueError for other text."""
        ((width, choices),) = stages(text)
        return cls(width, tuple(choices))


@dataclass(frozen=True)
class Space:
    """All networks of these blocks between a stem and a head."""

    blocks: tuple[Block, ...]
    stem: int = 16
    head: int = 256
    embedding: int = 128
    size: int = 112
    activation: str = "relu"
    squeeze: float = 0.0

    def __post_init__(self) -> None:
        shrunk = 2 * math.prod(block.stride for block in self.blocks)
        if not self.blocks:
            raise ValueError("space.blocks: expected at least one")
        if self.size % shrunk:
            raise ValueError(
                f"space.size: expected a multiple of {shrunk} pixels, which stem and blocks shrink "
                f"it by, got {self.size}"
            )
        for number, block in enumerate(self.blocks, start=1):
            for name in ("widths", "depths", "kernels", "expansions"):
                values = getattr(block, name)
                if not values or min(values) < 1 or len(set(values)) < len(values):
                    raise ValueError(
                        f"space.blocks, the {number}.: {name}: expected different numbers above "
                        f"0, got {list(values)}"
                    )
            if any(kernel % 2 == 0 for kernel in block.kernels):
                raise ValueError(f"space.blocks, the {number}.: kernels: expected odd numbers")

    def cells(self) -> list[Cell]:
        """Of all blocks, block by block."""
        return [
            Cell(index, width, depth)
            for index, block in enumerate(self.blocks)
            for width in block.widths
            for depth in block.depths
        ]

    def candidates(self, cell: Cell) -> Iterator[Candidate]:
        """All of a cell, in a fixed order: the last layer changes fastest."""
        choices = self.blocks[cell.block].choices
        for chain in itertools.product(choices, repeat=cell.depth):
            yield Candidate(cell.width, chain)

    def side(self, block: int) -> int:
        """Of the map that ``block`` (from 0) reads; of all blocks' number: that the head reads."""
        return self.size // 2 // math.prod(one.stride for one in self.blocks[:block])

    def layers(self, block: int, candidate: Candidate, inputs: int) -> tuple[Layer, ...]:
        """Of ``candidate`` as ``block``, where the block before leaves ``inputs`` channels."""
        side, found = self.side(block), []
        for index, (kernel, expansion) in enumerate(candidate.choices):
            stride = 1 if index else self.blocks[block].stride
            layer = Layer(
                inputs, candidate.width, kernel, expansion, stride, side,
                self.activation, self.squeeze,
            )  # fmt: skip
            found.append(layer)
            inputs, side = layer.outputs, layer.side
        return tuple(found)

    def first(self) -> Stem:
        """The stem."""
        return Stem(self.stem, self.size, self.activation)

    def last(self, inputs: int) -> Head:
        """The head after a block that leaves ``inputs`` channels."""
        side = self.side(len(self.blocks))
        return Head(inputs, self.head, self.embedding, side, self.activation)

    def network(self, candidates: Sequence[Candidate]) -> tuple[Part, ...]:
        """Stem, layers and head of a network of one candidate a block."""
        self._check(candidates)
        parts: list[Part] = [self.first()]
        inputs = self.stem
        for block, candidate in enumerate(candidates):
            parts += self.layers(block, candidate, inputs)
            inputs = candidate.width
        return (*parts, self.last(inputs))

    def architecture(self, candidates: Sequence[Candidate]) -> dict[str, Any]:
        """The same network as JSON data that ``models.built`` takes."""
        self._check(candidates)
        return {
            "family": FAMILY,
            "layers": ", ".join(map(str, candidates)),
            "stem": self.stem,
            "head": self.head,
            "strides": [block.stride for block in self.blocks],
            "activation": self.activation,
            "squeeze": self.squeeze,
            "embedding": self.embedding,
            "size": self.size,
        }

    def part_keys(self) -> list[str]:
        """Of every part that a network of the space may have, each once: rows of a cost table."""
        found = {self.first().key: None}
        entries: tuple[int, ...] = (self.stem,)
        for index, block in enumerate(self.blocks):
            side, longer = self.side(index), max(block.depths) > 1
            pairs = [(i, o, block.stride, side) for i in entries for o in block.widths]
            side = -(-side // block.stride)
            pairs += [(o, o, 1, side) for o in block.widths if longer]
            for inputs, outputs, stride, size in pairs:
                for kernel, expansion in block.choices:
                    layer = Layer(
                        inputs, outputs, kernel, expansion, stride, size,
                        self.activation, self.squeeze,
                    )  # fmt: skip
                    found[layer.key] = None
            entries = block.widths
        return [*found, *(self.last(width).key for width in entries)]

    def random(self, random: np.random.Generator) -> tuple[Candidate, ...]:
        """A network: of each block a cell, then of each layer a choice, each as likely."""
        found = []
        for block in self.blocks:
            depth = int(random.choice(block.depths))
            drawn = random.integers(0, len(block.choices), depth)
            chain = tuple(block.choices[int(index)] for index in drawn)
            found.append(Candidate(int(random.choice(block.widths)), chain))
        return tuple(found)

    def _check(self, candidates: Sequence[Candidate]) -> None:
        if len(candidates) != len(self.blocks):
            raise ValueError(f"expected {len(self.blocks)} candidates, got {len(candidates)}")


def facechain_parts(net: FaceChain, size: int) -> tuple[Part, ...]:
    """The parts of a FaceChain, which are of the same kinds, so that a cost table prices it."""
    modules: Any = net  # torch knows no types of what a container holds
    parts: list[Part] = [Stem(modules.stem[0].out_channels, size)]
    side = size // 2
    for block in modules.blocks:
        wide, deep, narrow = (layer[0] for layer in block.net)
        expansion, stride = wide.out_channels // wide.in_channels, deep.stride[0]
        layer = Layer(wide.in_channels, narrow.out_channels, 3, expansion, stride, side)
        parts.append(layer)
        side = layer.side
    first, last = modules.tail[0][0], modules.tail[3]
    return (*parts, Head(first.in_channels, first.out_channels, last.out_channels, side))


def candidates_of(layers: str) -> tuple[Candidate, ...]:
    """The candidates of an architecture's ``layers``.

    Raises:
        ValueError: the text is none.
    """
    return tuple(Candidate.read(stage) for stage in layers.split(","))
