"""Reshape, Transpose and their kin: a new order of values, which costs nothing until it must."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ... import places
from ...network import MOVES, Node
from ...places import Place

if TYPE_CHECKING:
    from ...importer import Fill, Importer


@dataclass(frozen=True)
class Layout:
    """How to build an operator that only moves values.

    ``build(importer, node, value, parts, fill)`` gives the place of the node's output ``value``
    from those of its ``data`` inputs; ``fill`` gives the stored form of a real value.
    """

    build: Callable[[Importer, Node, str, Sequence[Place], Fill], Place]
    every: bool = False

    def data(self, node: Node) -> tuple[str, ...]:
        """The inputs whose values are moved."""
        return node.inputs if self.every else node.inputs[:1]


def reshape(
    importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill
) -> Place:
    before = importer.network.shape(node.inputs[0], node)
    after = importer.network.shape(value, node)
    if math.prod(before) != math.prod(after):
        raise importer.network.error(node, f"{before} has not as many values as {after}")
    return parts[0]


def transpose(
    importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill
) -> Place:
    shape = importer.network.shape(node.inputs[0], node)
    order = tuple(node.attributes.get("perm", range(len(shape))[::-1]))
    if sorted(order) != list(range(len(shape))):
        raise importer.network.error(node, f"perm {list(order)} does not fit {shape}")
    found = places.transposed(parts[0], shape, order)
    if found is None:
        found = places.transposed(importer.as_rows(parts[0], shape), shape, order)
    assert found is not None
    return found


def depth_to_space(
    importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill
) -> Place:
    network = importer.network
    n, c, h, w = network.shape(node.inputs[0], node)
    block = node.attributes.get("blocksize", 0)
    if block < 1 or c % block**2:
        raise network.error(node, f"blocksize {block} does not divide {c} channels")
    inner = c // block**2
    mode = node.attributes.get("mode", b"DCR")
    if mode not in (b"DCR", b"CRD"):
        raise network.error(node, f"mode {mode.decode()!r} is not known, expected DCR or CRD")
    if mode == b"DCR":
        fine, order = (n, block, block, inner, h, w), (0, 3, 4, 1, 5, 2)
    else:
        fine, order = (n, inner, block, block, h, w), (0, 1, 4, 2, 5, 3)
    return _rearranged(importer, parts[0], (n, c, h, w), fine, order)


def space_to_depth(
    importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill
) -> Place:
    network = importer.network
    n, c, h, w = network.shape(node.inputs[0], node)
    block = node.attributes.get("blocksize", 0)
    if block < 1 or h % block or w % block:
        raise network.error(node, f"blocksize {block} does not divide {h}x{w}")
    fine = (n, c, h // block, block, w // block, block)
    return _rearranged(importer, parts[0], (n, c, h, w), fine, (0, 3, 5, 1, 2, 4))


def _rearranged(
    importer: Importer,
    place: Place,
    shape: tuple[int, ...],
    fine: tuple[int, ...],
    order: tuple[int, ...],
) -> Place:
    found = places.transposed(place, fine, order)
    if found is None:
        found = places.transposed(importer.as_rows(place, shape), fine, order)
    assert found is not None
    return found


LAYOUTS = {
    **dict.fromkeys(MOVES, Layout(reshape)),
    "Transpose": Layout(transpose),
    "DepthToSpace": Layout(depth_to_space),
    "SpaceToDepth": Layout(space_to_depth),
}
