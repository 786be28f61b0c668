"""A program: kernels by shape, calls in order, constants, and the pieces of arena they use."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..graph import Graph, Op, OpRef, unused
from ..kernels.frame import View
from ..kernels.isa.base import Isa
from ..kernels.rescale.shape import WordsShape
from ..kernels.tile import OWN, Tile
from . import layout as layouts

Tiles = Callable[[Isa, Any], Tile]
"""The tile of a kernel's shape; tiles/table.py has a table of them."""


def own_tiles(isa: Isa, shape: Any) -> Tile:
    """Every template's own choice."""
    return OWN


@dataclass(frozen=True)
class Piece:
    """A piece of arena: an activation's root, or what a single call uses.

    Pieces of one ``whole``, such as those of the strips of one tensor, share one place.
    """

    name: str
    bytes: int
    whole: str

    @property
    def strip(self) -> bool:
        """Whether this is a strip's part of something whole."""
        return self.name != self.whole


@dataclass(frozen=True)
class Pointer:
    """An argument of a call: ``offset`` bytes into a piece of arena, or into the constants.

    ``base`` is "arena", "constants", "input" or "output"; ``number`` which input or output.
    """

    base: str
    offset: int
    piece: Piece | None = None
    number: int = 0


@dataclass(frozen=True)
class Copy:
    """What a call serves that moves an input into the arena, or an output out of it."""

    tensor: str
    label: str
    inward: bool
    strip: ClassVar[None] = None

    @property
    def whole(self) -> Copy:
        return self

    def __str__(self) -> str:
        return self.label


@dataclass(frozen=True)
class Border:
    """What a call serves that fills the border of a padded tensor, in a strip or not."""

    tensor: str
    strip: int | None = None

    @property
    def whole(self) -> Border:
        return Border(self.tensor)

    def __str__(self) -> str:
        return f"{self.tensor} border"


Served = OpRef | Copy | Border


@dataclass(frozen=True)
class Over:
    """A call's result ``y`` may lie over the input ``x`` that nothing reads any more: where it
    begins ``behind`` bytes before it, or earlier; if that is less than 0, somewhat after it."""

    x: Piece
    y: Piece
    behind: int


@dataclass(frozen=True)
class Call:
    """One kernel call: the kernel's index in ``Program.kernels``, and what it serves."""

    kernel: int
    of: Served
    arguments: tuple[Pointer, ...]
    over: Over | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces of arena that it touches, each once."""
        found = (p.piece for p in self.arguments if p.piece is not None)
        return tuple(dict.fromkeys(found))


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
    scratches: dict[OpRef, Piece] = field(default_factory=dict)
    """Arena that single calls use, by their operator."""
    prologues: dict[str, Prologue] = field(default_factory=dict)
    """Rescales that the convolution which reads their result does, by that result."""
    stored: dict[str, Pointer] = field(default_factory=dict)
    """Roots that stand among the constants, as they would in the arena."""
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

    def piece(self, root: str) -> Piece:
        """The piece of arena of a root of the layout."""
        whole = self.graph.tensors[root].whole or root
        return Piece(root, self.layout.roots[root].bytes, whole)

    def scratch(self, op: Op, words: int) -> Pointer:
        """Arena for the one call of an operator alone, ``words`` of int32."""
        whole = unused(f"scratch of {op.name}", self._names)
        name = whole if op.strip is None else f"{whole} strip {op.strip}"
        self.scratches[op.ref] = Piece(name, 4 * words, whole)
        return Pointer("arena", 0, self.scratches[op.ref])

    @cached_property
    def _names(self) -> frozenset[str]:
        """What tensors are called, and what their strips are parts of."""
        wholes = (tensor.whole for tensor in self.graph.tensors.values() if tensor.whole)
        return frozenset((*self.graph.tensors, *wholes))

    def kernel_name(self, index: int) -> str:
        """What the kernel of that index is called in the object file."""
        return f"k{index}_{self.kernels[index].label}"

    def call(self, of: Served, shape: Any, *arguments: Pointer, over: Over | None = None) -> None:
        """Appends a call; shapes that are equal share a kernel."""
        if shape not in self.kernels:
            self.kernels.append(shape)
        self.calls.append(Call(self.kernels.index(shape), of, arguments, over))

    def pointer(self, name: str, pads: tuple[int, ...] = (0, 0)) -> Pointer:
        """To a tensor's first pixel, less top and left padding."""
        root, offset = self.layout.places[name][0], self.layout.offset(name, pads)
        if root in self.stored:
            return Pointer("constants", self.stored[root].offset + offset)
        return Pointer("arena", offset, self.piece(root))

    def view(self, name: str) -> View:
        return self.layout.view(self.graph, name)
