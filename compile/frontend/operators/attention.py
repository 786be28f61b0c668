"""MatMul of two int8 tensors: products head by head, read where the heads stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import scales
from ...graph import MatMul
from ..network import Node, Want
from ..places import Axes, Place
from .moves.select import broadcast

if TYPE_CHECKING:
    from ..importer import Importer

MOST = scales.INT32_MAX // scales.STEPS**2
"""Products that a sum in int32 holds, whatever the zero points are."""

HEADS = -3
"""The axis along which factors behind a product may differ, if those before it are 1."""

ALIGNED = 16
"""What the columns of heads that are written side by side are a multiple of: kernels write whole
vectors."""


def product(importer: Importer, node: Node, want: Want | None) -> Place | None:
    """A product of two activations; None where an operand is float.

    Raises:
        CompileError: shapes that do not fit, sums beyond int32, or a result in float32.
    """
    network = importer.network
    shapes = [network.shape(name, node) for name in node.inputs]
    after = network.shape(node.output, node)
    if min(map(len, shapes)) < 2 or len(after) < 2 or shapes[0][-1] != shapes[1][-2]:
        raise network.error(node, f"{shapes[0]} and {shapes[1]} are no two matrices that fit")
    if shapes[0][-1] > MOST:
        raise network.error(node, f"a sum of {shapes[0][-1]:,} products overflows int32; split it")
    if network.constant(node.inputs[0]) is not None:
        raise network.error(
            node,
            f"its first operand {node.inputs[0]!r} is a constant; transpose the product, so that "
            "it is the second",
        )
    parts = [importer.exact(name) for name in node.inputs]
    if want is None or any(part is None for part in parts):
        if want is not None:
            return None
        raise network.error(
            node,
            "a product of two activations, whose operands or result are float; expected "
            "DequantizeLinear before both and QuantizeLinear behind it",
        )
    if want.offset is not None and want.offset.any():
        return None
    whole = [
        _whole(importer, node, f"{name}.whole", part, shape, after)
        for name, part, shape in zip(node.inputs, parts, shapes, strict=True)
        if part is not None
    ]
    (a, rows), (b, inner) = whole
    return _emitted(importer, node, want, (a, b), (rows, inner), after)


def _whole(
    importer: Importer, node: Node, name: str, part: Place, shape: Axes, after: Axes
) -> tuple[Place, Axes]:
    """An operand with a matrix for each of the result's, and its shape."""
    wanted = (*after[:-2], *shape[-2:])
    return broadcast(importer, node, name, part, shape, wanted), wanted


def _emitted(
    importer: Importer,
    node: Node,
    want: Want,
    operands: tuple[Place, Place],
    shapes: tuple[Axes, Axes],
    after: Axes,
) -> Place:
    a, b = operands
    heads, rank = math.prod(after[:-2]), len(after)
    outer, row, last = list(range(rank - 2)), rank - 2, rank - 1
    below, beside = [*outer, row, last], [row, *outer, last]
    # V of heads side by side gives columns that stand as its own do.
    values = _stands(importer, b, shapes[1], [row, *outer, last], heads)
    a, a_beside = _arranged(importer, a, shapes[0], (below, beside), heads)
    b, b_beside = _arranged(
        importer, b, shapes[1], ([*outer, last, row], [last, *outer, row]), heads
    )
    y_beside = values and heads > 1 and after[-1] % ALIGNED == 0
    order = beside if y_beside else below
    y = importer.tensor(want.name, _sizes(after, order, heads, y_beside), want.quantisation)
    first, second = (importer.tensors[place.tensor].scale for place in (a, b))
    scale = scales.layer_scale(first, np.array([second]), want.scale)
    if want.gain is not None:
        scale = (first * second * want.gain / want.scale).astype(np.float32)
    importer.emit(
        MatMul(
            name=node.name,
            inputs=(a.tensor, b.tensor),
            output=y,
            low=want.low,
            high=want.high,
            heads=heads,
            scale=np.broadcast_to(scale, heads).astype(np.float32),
            beside=(a_beside, b_beside, y_beside),
        )
    )
    return Place.of(y, after, order)


def _sizes(shape: Axes, order: Sequence[int], heads: int, beside: bool) -> tuple[int, int, int]:
    """(H, W, C) of heads below or beside each other, whose rows and columns end ``order``."""
    columns = shape[order[-1]]
    rows = math.prod(shape) // columns // heads
    return (1, rows, heads * columns) if beside else (heads, rows, columns)


def _stands(
    importer: Importer, place: Place, shape: Axes, order: Sequence[int], heads: int
) -> bool:
    """Whether an array stands with its heads side by side, in that order of its axes."""
    wanted = Place.of("", shape, order)
    sizes = _sizes(shape, order, heads, True)
    own = importer.tensors[place.tensor].shape
    return own == sizes and (place.shape, place.order) == (wanted.shape, wanted.order)


def _arranged(
    importer: Importer,
    place: Place,
    shape: Axes,
    orders: tuple[Sequence[int], Sequence[int]],
    heads: int,
) -> tuple[Place, bool]:
    """An operand as it stands if its heads are side by side, else with one below the other."""
    below, beside = orders
    if heads > 1 and _stands(importer, place, shape, beside, heads):
        return place, True
    wanted = Place.of("", shape, below)
    sizes = _sizes(shape, below, heads, False)
    return importer.arranged(place, sizes, wanted.shape, wanted.order), False
