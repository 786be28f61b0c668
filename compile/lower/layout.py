"""Where activations live: pixel strides, padding borders, concatenations as adjacent writes.

Pixels of int8 are whole vectors; those of float32 stand one behind the other, without borders.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ..errors import CompileError
from ..graph import INT8_MIN, Concat, Conv, Enter, Graph, Op, Pool, Rows, Stack, Tensor
from ..kernels.frame import View, rounded

Within = tuple[str, int, int]
"""What a tensor is a part of, and at which row and channel of it."""

CHANNEL_ALIGNMENT = 16
"""Pixels are whole vectors of 16 bytes, so that no kernel of int8 needs a channel tail."""


FOUR = 4
"""Bytes that pixels of inputs of dense convolutions are multiples of."""


@dataclass(frozen=True)
class Root:
    """One piece of arena: ``pixel`` bytes per pixel and a border (top, left, bottom, right)."""

    height: int
    width: int
    pixel: int
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    fill: int | None = None  # the border's int8 value

    @property
    def row(self) -> int:
        return (self.width + self.border[1] + self.border[3]) * self.pixel

    @property
    def bytes(self) -> int:
        return (self.height + self.border[0] + self.border[2]) * self.row

    @property
    def interior(self) -> int:
        """Offset of the first pixel that is not border."""
        return self.border[0] * self.row + self.border[1] * self.pixel


@dataclass(frozen=True)
class Layout:
    """Roots by name, and for each tensor its root and its first byte from the root's interior."""

    roots: dict[str, Root]
    places: dict[str, tuple[str, int]]
    materialised: frozenset[str]
    """Concatenations that could not be adjacent writes and need copies."""

    def view(self, graph: Graph, name: str) -> View:
        tensor = graph.tensors[name]
        root = self.roots[self.places[name][0]]
        return View(*tensor.shape, root.row // tensor.item, root.pixel // tensor.item)

    def offset(self, name: str, pads: tuple[int, ...] = (0, 0)) -> int:
        """Bytes from the root's start to the tensor's first pixel, less top and left padding."""
        root = self.roots[self.places[name][0]]
        return root.interior + self.places[name][1] - pads[0] * root.row - pads[1] * root.pixel


def assign(graph: Graph, packed: int = FOUR) -> Layout:
    """Chooses a root, border and offset for every tensor.

    ``packed``: pixels of an input that only dense convolutions read, of up to ``FOUR`` channels,
    are multiples of so many bytes.
    """
    parent, materialised = _adjacent(graph)
    within: dict[str, Within] = {}
    for name in graph.tensors:
        root, row, channel = name, 0, 0
        while root in parent:
            root, down, across = parent[root]
            row, channel = row + down, channel + across
        within[name] = (root, row, channel)
    borders: dict[str, tuple[int, int, int, int]] = defaultdict(lambda: (0, 0, 0, 0))
    fills: dict[str, int] = {}
    for op in graph.ops:
        if not isinstance(op, Conv | Pool) or not any(pad > 0 for pad in op.pads):
            continue
        source = graph.tensors[op.inputs[0]]
        if source.real:
            continue
        root = within[source.name][0]
        maximum = isinstance(op, Pool) and op.kind == "max"
        fill = INT8_MIN if maximum else source.zero_point
        if fills.setdefault(root, fill) != fill:
            raise CompileError(
                f"{graph.name}: node {op.name!r} pads {root!r} with {fill}, another reader with "
                f"{fills[root]}; the pass split_padding should have separated them"
            )
        top, left, bottom, right = borders[root]
        borders[root] = (
            max(top, op.pads[0]),
            max(left, op.pads[1]),
            max(bottom, op.pads[2]),
            max(right, op.pads[3]),
        )
    roots = {}
    for name, tensor in graph.tensors.items():
        if within[name][0] == name:
            pixel = tensor.item * rounded(tensor.channels, _alignment(graph, tensor, packed))
            roots[name] = Root(tensor.height, tensor.width, pixel, borders[name], fills.get(name))
    places = {
        name: (root, row * roots[root].row + channel * graph.tensors[name].item)
        for name, (root, row, channel) in within.items()
    }
    return Layout(roots, places, frozenset(materialised))


def _alignment(graph: Graph, tensor: Tensor, packed: int) -> int:
    """An input of few channels that only dense convolutions read is packed by fours, or denser."""
    if tensor.real:
        return 1
    own = tensor.name in graph.inputs
    own |= isinstance(graph.producers().get(tensor.name), Enter)
    readers = graph.consumers()[tensor.name] if own else []
    dense = bool(readers) and all(isinstance(r, Conv) and not r.depthwise for r in readers)
    if not dense:
        return CHANNEL_ALIGNMENT
    whole = all(isinstance(r, Conv) and r.groups == 1 for r in readers)
    return packed if whole and tensor.channels < FOUR else FOUR


def _adjacent(graph: Graph) -> tuple[dict[str, Within], set[str]]:
    """What each tensor is a part of, and the outputs of concatenations that are copied."""
    parent: dict[str, Within] = {}
    materialised: set[str] = set()
    for op in graph.ops:
        if isinstance(op, Rows):
            parent[op.output] = (op.inputs[0], op.first, 0)
        elif isinstance(op, Stack):
            row = 0
            for name in op.inputs:
                parent[name] = (op.output, row, 0)
                row += graph.tensors[name].height
        if not isinstance(op, Concat):
            continue
        parts = [graph.tensors[name] for name in op.inputs]
        aligned = op.axis == 2 and all(
            part.real or part.channels % CHANNEL_ALIGNMENT == 0 for part in parts[:-1]
        )
        single = len(set(op.inputs)) == len(op.inputs)
        taken = {*parent, *graph.inputs, *graph.stored()}
        free = all(name not in taken for name in op.inputs)
        if not (aligned and single and free and _one_padding(graph, op, parent)):
            materialised.add(op.output)
            continue
        channel = 0
        for part in parts:
            parent[part.name] = (op.output, 0, channel)
            channel += part.channels
    return parent, materialised


def _one_padding(graph: Graph, op: Op, parent: dict[str, Within]) -> bool:
    """Members of one root share its border, so no maximum may be padded among them."""
    members = {
        op.output,
        *op.inputs,
        *(name for name, (to, _, _) in parent.items() if to in op.inputs),
    }
    readers = [r for r in graph.ops if isinstance(r, Pool) and r.kind == "max"]
    return not any(r.inputs[0] in members and any(p > 0 for p in r.pads) for r in readers)
