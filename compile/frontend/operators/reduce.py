"""Sums, means and extremes over axes: pools over one row that holds what they go over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import scales
from ...graph import INT8_MAX, INT8_MIN, Pool, Table
from .. import places
from ..network import Node, Want
from ..places import Axes, Place
from .activation import rescaled
from .formula import Formula
from .moves.select import numbers

if TYPE_CHECKING:
    from ..importer import Importer


def axes_of(importer: Importer, node: Node) -> Axes:
    """The axes that a node goes over, in order; all of them where it names none.

    Raises:
        CompileError: an axis beyond the shape.
    """
    shape = importer.network.shape(node.inputs[0], node)
    rank = len(shape)
    axes = node.attributes.get("axes") or numbers(importer, node, 1, "axes") or []
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return ()
    if any(not -rank <= axis < rank for axis in axes):
        raise importer.network.error(node, f"over axes {list(axes)} of {shape}: they do not fit")
    return tuple(sorted({axis % rank for axis in axes})) or tuple(range(rank))


def spatial(importer: Importer, node: Node) -> bool:
    """Whether it goes over all but the batch and the channels of a map, as a global pool does."""
    shape = importer.network.shape(node.inputs[0], node)
    own = len(shape) in (3, 4) and shape[0] == 1
    return own and axes_of(importer, node) == tuple(range(2, len(shape)))


def pooled(
    importer: Importer, node: Node, x: Place, want: Want | None, kind: str, mean: bool = True
) -> Place:
    """A pool over the node's axes; an average's sum is divided by its count if ``mean``."""
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    over = axes_of(importer, node)
    kept = [axis for axis in range(len(shape)) if axis not in over]
    count = math.prod(shape[axis] for axis in over)
    rest = math.prod(shape[axis] for axis in kept)
    wanted = Place.of("", shape, [*over, *kept])
    x = importer.arranged(x, (1, count, rest), wanted.shape, wanted.order)
    source = importer.tensors[x.tensor]
    if kind == "average" and not source.real and count * scales.STEPS > scales.INT32_MAX:
        raise network.error(node, f"a sum of {count:,} values overflows int32; pool before it")
    quantisation = (1.0, 0) if want is None else want.quantisation
    name = importer.name(node.output) if want is None else want.name
    y = importer.tensor(name, (1, 1, rest), quantisation, want is None)
    factor = 1.0 if want is None else source.scale / want.scale
    scale = np.full((1, 1), factor / (count if mean else 1), np.float32)
    importer.emit(
        Pool(
            name=importer.own_name(node),
            inputs=(x.tensor,),
            output=y,
            kind=kind,
            kernel=(1, count),
            stride=(1, 1),
            pads=(0, 0, 0, 0),
            low=INT8_MIN if want is None else want.low,
            high=INT8_MAX if want is None else want.high,
            scale=scale if kind == "average" else None,
        )
    )
    return places.row_place(y, network.shape(node.output, node))


# --------------------------------------------------------------------------------- in integers


def total(importer: Importer, node: Node, want: Want) -> Place | None:
    """A sum of an int8 tensor."""
    x = importer.exact(node.inputs[0])
    if x is None or not want.plain:
        return None
    return pooled(importer, node, x, want, "average", mean=False)


def least(importer: Importer, node: Node, want: Want) -> Place | None:
    """The minimum of an int8 tensor."""
    found = least_exact(importer, node) if want.plain else None
    if found is None:
        return None
    tensor = importer.tensors[found.tensor]
    if tensor.quantisation == want.quantisation and want.low == INT8_MIN and want.high == INT8_MAX:
        return found
    return rescaled(importer, node, importer.op_name(f"{node.name}.scale"), found, want)


def least_exact(importer: Importer, node: Node) -> Place | None:
    """The minimum in the quantisation of its input: the maximum of all bits turned, turned back."""
    x = importer.exact(node.inputs[0])
    if x is None:
        return None
    scale, zero = importer.tensors[x.tensor].quantisation
    want = Want(importer.name(f"{node.output}.turned"), scale, -1 - zero)
    return turned(importer, node, pooled(importer, node, turned(importer, node, x), want, "max"))


def turned(importer: Importer, node: Node, x: Place) -> Place:
    """``-1 - q`` of every stored value, which int8 always holds; the zero point turns with it."""
    tensor = importer.tensors[x.tensor]
    quantisation = tensor.scale, -1 - tensor.zero_point
    y = importer.tensor(importer.name(node.output), tensor.shape, quantisation)
    table = np.arange(127, -129, -1).astype(np.int8)
    importer.emit(Table(name=importer.own_name(node), inputs=(x.tensor,), output=y, table=table))
    return x.on(y)


# ---------------------------------------------------------------------------------- in float32


def _real_least(f: Formula, x: Place) -> Place:
    most = pooled(f.importer, f.node, x.on(f.times(x.tensor, -1.0)), None, "max")
    return most.on(f.times(most.tensor, -1.0))


def _real_total(f: Formula, x: Place) -> Place:
    return pooled(f.importer, f.node, x, None, "average", mean=False)


def _real_squares(f: Formula, x: Place) -> Place:
    return _real_total(f, x.on(f.times(x.tensor, x.tensor)))


def _real_length(f: Formula, x: Place) -> Place:
    squares = _real_squares(f, x)
    return squares.on(f.one("sqrt", squares.tensor))


REAL: dict[str, Callable[[Formula, Place], Place]] = {
    "ReduceMin": _real_least,
    "ReduceSum": _real_total,
    "ReduceL1": lambda f, x: _real_total(f, x.on(f.magnitude(x.tensor))),
    "ReduceL2": _real_length,
    "ReduceSumSquare": _real_squares,
}
"""Of float32, over any axes; means and maxima are pools (pool.py)."""


def real(importer: Importer, node: Node) -> Place:
    """A reduction of a float32 tensor."""
    x = importer.real(node.inputs[0], node)
    return REAL[node.kind](Formula(importer, node), x)
