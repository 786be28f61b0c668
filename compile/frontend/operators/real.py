"""Operators in float32, for what a file leaves between two quantisations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...graph import RealBinary, RealUnary
from .. import places
from ..network import Node
from ..places import Axes, Place
from . import pool
from .activation import bounds, channels_of, check_repeats
from .formula import Formula
from .moves.select import broadcast

if TYPE_CHECKING:
    from ..importer import Importer

BINARY = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Max": "maximum",
    "Min": "minimum",
}


def binary(importer: Importer, node: Node) -> Place:
    """An operation on float32 tensors, one after the other; each may be repeated along axes."""
    network = importer.network
    if len(node.inputs) < 2:
        raise network.error(node, "has one operand, expected 2; export the network anew")
    shapes = [network.shape(name, node) for name in node.inputs]
    parts = [importer.real(name, node) for name in node.inputs]
    found, shape = parts[0], shapes[0]
    for part, own in zip(parts[1:], shapes[1:], strict=True):
        after = tuple(np.broadcast_shapes(shape, own))
        kind = BINARY[node.kind]
        found = _pair(importer, node, kind, [found, part], [shape, own], after)
        shape = after
    return found


def _pair(
    importer: Importer,
    node: Node,
    kind: str,
    parts: list[Place],
    shapes: list[Axes],
    after: Axes,
) -> Place:
    """One operation; its operands are repeated to the shape ``after``."""
    whole = next((i for i in (0, 1) if shapes[i] == after), None)
    if whole is None:
        axes_of = places.map_place("", after) if len(after) == 4 else places.row_place("", after)
        sizes = places.map_sizes(after) if len(after) == 4 else places.row_sizes(after)
        lead = Place("", axes_of.shape, axes_of.order)
    else:
        lead, sizes = parts[whole], importer.tensors[parts[whole].tensor].shape
    axes = places.physical_axes(lead, sizes, after)
    names = []
    for part, shape in zip(parts, shapes, strict=True):
        own = (*[1] * (len(after) - len(shape)), *shape)
        names.append(_repeated(importer, node, part, own, after, axes, lead, sizes))
    y = importer.tensor(importer.name(node.output), sizes, real=True)
    importer.emit(
        RealBinary(
            name=importer.own_name(node),
            inputs=(names[0], names[1]),
            output=y,
            kind=kind,
        )
    )
    return lead.on(y)


def _repeated(
    importer: Importer,
    node: Node,
    part: Place,
    own: Axes,
    after: Axes,
    axes: tuple[Axes, ...] | None,
    lead: Place,
    sizes: tuple[int, int, int],
) -> str:
    """A tensor that has height, width and channels of the result, or 1 of them."""
    kinds = [{own[axis] == after[axis] for axis in group} for group in axes or ()]
    if own != after and (axes is None or any(len(kind) > 1 for kind in kinds)):
        # Of an axis of the tensor a part is repeated and a part is not: written out.
        name = importer.name(f"{node.output}.whole")
        part, own = broadcast(importer, node, name, part, own, after), after
    if own == after:
        return importer.arranged(part, sizes, lead.shape, lead.order).tensor
    assert axes is not None
    small = [size if kind == {True} else 1 for size, kind in zip(sizes, kinds, strict=True)]
    order = [axis for group in axes for axis in group]
    rest = [axis for axis in range(len(after)) if axis not in order]
    wanted = Place.of("", own, [*rest, *order])
    sizes = (small[0], small[1], small[2])
    return importer.arranged(part, sizes, wanted.shape, wanted.order).tensor


def unary(importer: Importer, node: Node) -> Place:
    """A function of one float32 tensor."""
    x = importer.real(node.inputs[0], node)
    slope, least, most = None, -np.inf, np.inf
    kind = {"Abs": "abs", "Sqrt": "sqrt", "Relu": "clip", "Clip": "clip"}.get(node.kind, "prelu")
    if kind == "clip":
        least, most = bounds(importer, node)
        least = min(least, most)
    if node.kind == "LeakyRelu":
        slope = np.full(1, node.attributes.get("alpha", 0.01), np.float32)
    if node.kind == "PRelu":
        constant = importer.network.constant(node.inputs[1])
        shape = importer.network.shape(node.inputs[0], node)
        found = None
        if constant is not None:
            check_repeats(importer, node, constant.real, shape)
            found = channels_of(importer, x, shape, constant.real)
        if found is None and constant is not None and len(shape) in (3, 4) and shape[0] == 1:
            x = importer.as_map(x, shape, node)
            found = channels_of(importer, x, shape, constant.real)
        if found is None:
            return _sloped(importer, node, x)
        slope = found.astype(np.float32)
    y = importer.tensor(importer.name(node.output), importer.tensors[x.tensor].shape, real=True)
    importer.emit(
        RealUnary(
            name=node.name,
            inputs=(x.tensor,),
            output=y,
            kind=kind,
            slope=slope,
            least=least,
            most=most,
        )
    )
    return x.on(y)


def _sloped(importer: Importer, node: Node, x: Place) -> Place:
    """A PRelu of any slopes: what is positive, and what is negative times its slope."""
    network, f = importer.network, Formula(importer, node)
    shape, own = (network.shape(name, node) for name in node.inputs)
    below = x.on(f.clip(x.tensor, -np.inf, 0.0))
    parts = [below, importer.real(node.inputs[1], node)]
    product = _pair(importer, node, "multiply", parts, [shape, own], shape)
    above = x.on(f.clip(x.tensor, 0.0, np.inf))
    return _pair(importer, node, "add", [above, product], [shape, shape], shape)


REAL: dict[str, Callable[[Importer, Node], Place]] = {
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(("Abs", "Sqrt", "Relu", "Clip", "LeakyRelu", "PRelu"), unary),
    "MaxPool": pool.maximum_real,
    "GlobalMaxPool": pool.maximum_real,
    "ReduceMax": pool.maximum_real,
    "AveragePool": pool.average_real,
    "GlobalAveragePool": pool.average_real,
    "ReduceMean": pool.average_real,
}
"""By kind of node."""
