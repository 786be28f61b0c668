"""Pictures that are too large for one input: tiles of several sizes, and each face once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import _runtime

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 14.0
"""Pixels of the input that a face needs to be found."""
SHARED = 1 / 3
"""Of a tile's side that the next one shows too: faces that one cuts are whole in the other."""

INSIDE = 0.7
"""Of the smaller of two boxes, that the other shows: then they are of one face."""


class Tile(NamedTuple):
    """A rectangle of a picture in pixels."""

    left: int
    top: int
    width: int
    height: int


def tiles(height: int, width: int, size: tuple[int, int], smallest: int | None) -> list[Tile]:
    """The whole picture, then tiles, each level at twice the scale of the one before.

    Args:
        size: height and width of the input, as the picture lies.
        smallest: pixels of the smallest face; None for the whole alone.
    """
    found = [Tile(0, 0, width, height)]
    scale = min(size[0] / height, size[1] / width)
    # Compared as it is, not by a product, which rounding can keep below LEAST for ever.
    last = 0.0 if smallest is None else min(1.0, LEAST / smallest)
    while scale < last:
        scale = min(2 * scale, last)
        tall, wide = min(height, int(size[0] / scale)), min(width, int(size[1] / scale))
        found += [
            Tile(left, top, wide, tall)
            for top in _starts(height, tall)
            for left in _starts(width, wide)
        ]
    return found


def _starts(whole: int, side: int) -> list[int]:
    if side >= whole:
        return [0]
    count = int(np.ceil((whole - side) / (side * (1 - SHARED)))) + 1
    return [round(place) for place in np.linspace(0, whole - side, count)]


def merged(
    found: list[tuple[Tile, NDArray[Any]]], height: int, width: int, overlap: float
) -> NDArray[Any]:
    """Of the faces of all tiles each once, best first, as ``_runtime.DETECTION``.

    A box that an inner edge of its tile cuts is another tile's to find, unless nobody else does: it
    stands behind all whole ones.
    """
    faces = np.concatenate([part for _, part in found])
    cut = np.concatenate([_cut(tile, part["box"], height, width) for tile, part in found])
    order = np.lexsort((np.arange(len(faces)), -faces["score"].astype(np.int64), cut))
    kept: list[int] = []
    boxes = faces["box"].astype(np.float64)
    while len(order):
        first, order = int(order[0]), order[1:]
        kept.append(first)
        order = order[~_same(boxes[first], boxes[order], overlap)]
    best = faces[np.array(kept, np.int64)]
    return np.asarray(best[np.argsort(-best["score"].astype(np.int64), kind="stable")])


def _cut(tile: Tile, boxes: NDArray[Any], height: int, width: int) -> NDArray[np.bool_]:
    edges = np.array(
        [tile.left, tile.top, tile.left + tile.width, tile.top + tile.height], np.float64
    ) * _runtime.DETECTION_UNIT  # fmt: skip
    inner = np.array(
        [tile.left > 0, tile.top > 0, edges[2] < width * _runtime.DETECTION_UNIT,
         edges[3] < height * _runtime.DETECTION_UNIT]
    )  # fmt: skip
    beyond = np.concatenate([boxes[:, :2] < edges[:2], boxes[:, 2:] > edges[2:]], axis=1)
    return np.asarray((beyond & inner).any(axis=1))


def _same(
    one: NDArray[np.float64], others: NDArray[np.float64], overlap: float
) -> NDArray[np.bool_]:
    """Which boxes (N, 4) overlap one by more than that, or are mostly inside it or around it."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    area, areas = np.prod(one[2:] - one[:2]), np.prod(others[:, 2:] - others[:, :2], axis=1)
    inside = common > INSIDE * np.minimum(area, areas)
    return np.asarray((common > overlap * (area + areas - common)) | inside)
