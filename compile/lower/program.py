"""A program: kernels by shape, calls in order, constants, and the pieces of arena they use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..graph import (
    Graph,
)
from ..kernels.frame import View
from ..kernels.isa.base import Isa
from ..kernels.rescale.shape import WordsShape
from ..kernels.tile import OWN, Tile
from . import layout as layouts
from .families import BUILDERS

Tiles = Callable[[Isa, Any], Tile]
"""The tile of a kernel's shape; tiles/table.py has a table of them."""


def own_tiles(isa: Isa, shape: Any) -> Tile:
    """Every template's own choice."""
    return OWN


@dataclass(frozen=True)
class Pointer:
    """An argument of a call: ``offset`` bytes into a root, the constants, the input or output."""

    base: str  # "arena", "constants", "input" or "output"
    offset: int
    root: str = ""


@dataclass(frozen=True)
class Call:
    """One kernel call: the kernel's index in ``Program.kernels``, and the operator it serves."""

    kernel: int
    op: str
    arguments: tuple[Pointer, ...]


@dataclass(frozen=True)
class Prologue:
    """A rescale of ``source`` with its tables of 16-bit factors and of INTS."""

    source: str
    shape: WordsShape
    factors: Pointer
    ints: Pointer


@dataclass
class Program:
    """Everything the emitter needs: kernels by shape, calls in order, constants, roots."""

    graph: Graph
    isa: Isa
    layout: layouts.Layout
    tiles: Tiles = own_tiles
    kernels: list[Any] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: bytearray = field(default_factory=bytearray)
    scratches: dict[str, int] = field(default_factory=dict)
    """Bytes of arena that single calls use, by the name of their operator."""
    prologues: dict[str, Prologue] = field(default_factory=dict)
    """Rescales that the convolution which reads their result does, by that result."""
    _known: dict[bytes, int] = field(default_factory=dict)

    def constant(self, values: np.ndarray) -> Pointer:
        """Stores an array once, aligned to 64 bytes."""
        content = np.ascontiguousarray(values).tobytes()
        key = hashlib.sha256(content).digest()
        if key not in self._known:
            self.constants.extend(bytes(-len(self.constants) % 64))
            self._known[key] = len(self.constants)
            self.constants.extend(content)
        return Pointer("constants", self._known[key])

    def sizes(self) -> dict[str, int]:
        """Bytes of every root: pieces of arena that activations or single calls use."""
        whole = {name: root.bytes for name, root in self.layout.roots.items()}
        return whole | {f"scratch of {op}": size for op, size in self.scratches.items()}

    def scratch(self, op: str, words: int) -> Pointer:
        """Arena for the one call of an operator alone, ``words`` of int32."""
        root = f"scratch of {op}"
        self.scratches[op] = 4 * words
        return Pointer("arena", 0, root)

    def kernel_name(self, index: int) -> str:
        return f"k{index}_{BUILDERS[type(self.kernels[index])][0]}"

    def call(self, op: str, shape: Any, *arguments: Pointer) -> None:
        if shape not in self.kernels:
            self.kernels.append(shape)
        self.calls.append(Call(self.kernels.index(shape), op, arguments))

    def pointer(self, name: str, pads: tuple[int, ...] = (0, 0)) -> Pointer:
        return Pointer("arena", self.layout.offset(name, pads), self.layout.places[name][0])

    def view(self, name: str) -> View:
        return self.layout.view(self.graph, name)
