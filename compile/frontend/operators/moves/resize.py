"""Resize: which neighbours a new row or column takes, nearest or linear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ....graph import Interpolate, Select
from ...network import Network, Node, Want
from ...places import Axes, Place
from ..formula import Formula

if TYPE_CHECKING:
    from ...importer import Importer

UNITS = 2**11
"""Weights of neighbours are whole numbers of this part of one (graph/ops.py)."""


def mode(node: Node) -> str:
    found = node.attributes.get("mode", b"nearest")
    return str(found.decode())


def positions(network: Network, node: Node, axis: int, size: int, new: int) -> np.ndarray:
    """float64 (new): where along an axis of ``size`` each new row is taken."""
    attributes = node.attributes
    how = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    if attributes.get("antialias", 0) or attributes.get("exclude_outside", 0):
        raise network.error(node, "antialias and exclude_outside are not supported")
    scale = _scale(network, node, axis, size, new)
    x = np.arange(new, dtype=np.float64)
    if how == "half_pixel" or (how == "pytorch_half_pixel" and new > 1):
        return np.asarray((x + 0.5) / scale - 0.5)
    if how == "pytorch_half_pixel":
        return np.zeros(new)
    if how == "asymmetric":
        return np.asarray(x / scale)
    if how == "align_corners":
        return np.asarray(x * (size - 1) / (new - 1) if new > 1 else np.zeros(1))
    raise network.error(node, f"coordinate_transformation_mode {how!r} is not supported")


def _scale(network: Network, node: Node, axis: int, size: int, new: int) -> float:
    """What the file says, or the quotient of the sizes that it says."""
    scales = network.constant(node.input(2)) if node.input(2) else None
    axes = list(node.attributes.get("axes", range(len(network.shape(node.inputs[0], node)))))
    rank = len(network.shape(node.inputs[0], node))
    axes = [a % rank for a in axes]
    if scales is None or scales.values.size == 0:
        return new / size
    if axis not in axes:
        return 1.0
    found = float(scales.values.reshape(-1)[axes.index(axis)])
    if not (np.isfinite(found) and found > 0):
        raise network.error(node, f"scale {found} must be finite and positive")
    return found


def nearest(network: Network, node: Node, shape: Axes, after: Axes) -> dict[int, np.ndarray]:
    """int (new size) by axis: the row, column or channel that each new one repeats."""
    rounding = node.attributes.get("nearest_mode", b"round_prefer_floor").decode()
    rules: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    if rounding not in rules:
        raise network.error(node, f"nearest_mode {rounding!r} is not supported")
    indices = {}
    for axis, (size, new) in enumerate(zip(shape, after, strict=True)):
        at = positions(network, node, axis, size, new)
        # The file's runtime computes in float32, where a position may be a little off a tie.
        found = rules[rounding](at.astype(np.float32).astype(np.float64))
        found = np.clip(found, 0, size - 1).astype(np.int32)
        if new != size or not np.array_equal(found, np.arange(size)):
            indices[axis] = found
    return indices


def linear(importer: Importer, node: Node, want: Want) -> Place | None:
    """Between four neighbours of a map; None where the input is no int8 tensor."""
    x = importer.exact(node.inputs[0])
    return None if x is None or not want.plain else interpolated(importer, node, x, want)


def linear_real(importer: Importer, node: Node) -> Place:
    """Of a float32 map: columns of rows, each the sum of two neighbours by their weights."""
    network = importer.network
    shape, after = (network.shape(name, node) for name in (node.inputs[0], node.output))
    _check_linear(network, node, shape, after)
    x = importer.as_map(importer.real(node.inputs[0], node), shape, node)
    f, y = Formula(importer, node), x.tensor
    for axis in (-1, -2)[: len(shape) - 2]:
        size, new = shape[axis], after[axis]
        at = np.clip(positions(network, node, len(shape) + axis, size, new), 0, size - 1)
        first = np.floor(at).astype(np.int32)
        second = np.minimum(first + 1, size - 1)
        share = (at - first).astype(np.float32)
        along = (1, new, 1) if axis == -1 else (new, 1, 1)
        parts = [
            f.times(
                _chosen(importer, node, y, axis, index),
                importer.constant(f"{node.output}.weights", weight.reshape(along)).tensor,
            )
            for index, weight in ((first, np.float32(1) - share), (second, share))
        ]
        y = f.plus(*parts)
    return Place.of(y, after, [0, *range(2, len(after)), 1])


def _chosen(importer: Importer, node: Node, x: str, axis: int, index: np.ndarray) -> str:
    """Rows (-2) or columns (-1) of a float32 map."""
    sizes = list(importer.tensors[x].shape)
    chosen = [np.arange(size, dtype=np.int32) for size in sizes]
    chosen[axis + 2], sizes[axis + 2] = index, len(index)
    y = importer.tensor(
        importer.name(f"{node.output}.chosen"), (sizes[0], sizes[1], sizes[2]), real=True
    )
    importer.emit(
        Select(
            name=importer.own_name(node),
            inputs=(x,),
            output=y,
            rows=chosen[0],
            columns=chosen[1],
            channels=chosen[2],
        )
    )
    return y


def _check_linear(network: Network, node: Node, shape: Axes, after: Axes) -> None:
    if mode(node) != "linear":
        raise network.error(node, f"mode {mode(node)!r} is not supported, expected nearest, linear")
    if len(shape) not in (3, 4) or shape[:2] != after[:2]:
        raise network.error(node, f"from {shape} to {after}: expected maps of the same channels")


def on_stored(importer: Importer, node: Node) -> Place | None:
    """Of stored integers themselves; their runtime cuts off what this rounds."""
    x = importer.stored(node.inputs[0], node)
    want = Want(importer.name(node.output), *importer.tensors[x.tensor].quantisation)
    return interpolated(importer, node, x, want)


def interpolated(importer: Importer, node: Node, x: Place, want: Want) -> Place:
    """Between four neighbours of an int8 map."""
    network = importer.network
    shape, after = (network.shape(name, node) for name in (node.inputs[0], node.output))
    _check_linear(network, node, shape, after)
    x = importer.as_map(x, shape, node)
    tensor = importer.tensors[x.tensor]
    found = []
    for axis in (-2, -1):
        if len(shape) == 3 and axis == -2:
            found.append((np.zeros(1, np.int32), np.full(1, UNITS, np.int32)))
            continue
        size, new = shape[axis], after[axis]
        at = np.clip(positions(network, node, len(shape) + axis, size, new), 0, size - 1)
        first = np.floor(at).astype(np.int32)
        weight = UNITS - np.rint((at - first) * UNITS).astype(np.int32)
        found.append((first, weight))
    sizes = (len(found[0][0]), len(found[1][0]), tensor.channels)
    y = importer.tensor(want.name, sizes, want.quantisation)
    importer.emit(
        Interpolate(
            name=node.name,
            inputs=(tensor.name,),
            output=y,
            low=want.low,
            high=want.high,
            rows=found[0][0],
            row_weights=found[0][1],
            columns=found[1][0],
            column_weights=found[1][1],
            scale=np.float32(tensor.scale / (want.scale * UNITS**2)),
        )
    )
    return Place.of(y, after, [0, *range(2, len(after)), 1])
