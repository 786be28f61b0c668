"""Softmax, LogSoftmax and ArgMax along one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import curves
from ...graph import INT8_MAX, INT8_MIN, ArgMax, Pool, Softmax
from .. import places
from ..network import Node, Want
from ..places import Axes, Place
from .formula import Formula
from .moves.select import around
from .reduce import turned

if TYPE_CHECKING:
    from ..importer import Importer


def softmax(importer: Importer, node: Node, want: Want) -> Place | None:
    """Shares as int8; None where the input is float."""
    if not want.plain or importer.exact(node.inputs[0]) is None:
        return None
    return _softmax(importer, node, want)


def softmax_real(importer: Importer, node: Node) -> Place:
    """Shares as float32."""
    if importer.exact(node.inputs[0]) is not None:
        return _softmax(importer, node, None)
    f, x, below, powers, whole = _parts(importer, node)
    return x.on(f.over(powers, whole))


def log_softmax(importer: Importer, node: Node) -> Place:
    """Logarithms of shares as float32."""
    f, x, below, powers, whole = _parts(importer, node)
    return x.on(f.minus(below, f.log(whole)))


def _parts(importer: Importer, node: Node) -> tuple[Formula, Place, str, str, str]:
    """Of a float32 tensor with the axis as its width: what is below the largest, exp, sum."""
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    axis = _axis(importer, node, shape)
    x = around(importer, importer.real(node.inputs[0], node), shape, axis)
    f = Formula(importer, node)
    below = f.minus(x.tensor, along(f, x.tensor, "max"))
    powers = f.exp(below)
    return f, x, below, powers, along(f, powers, "average")


def along(f: Formula, x: str, kind: str) -> str:
    """The maximum or the sum of each row."""
    source = f.importer.tensors[x]
    y = f.tensor((source.height, 1, source.channels))
    f.importer.emit(
        Pool(
            name=f.importer.own_name(f.node),
            inputs=(x,),
            output=y,
            kind=kind,
            kernel=(1, source.width),
            stride=(1, 1),
            pads=(0, 0, 0, 0),
            scale=np.ones((source.height, 1), np.float32) if kind == "average" else None,
        )
    )
    return y


def _axis(importer: Importer, node: Node, shape: Axes, default: int = -1) -> int:
    axis = node.attributes.get("axis", default)
    if not -len(shape) <= axis < len(shape):
        raise importer.network.error(node, f"axis {axis} is beyond {shape}")
    return int(axis % len(shape))


def argmax(importer: Importer, node: Node) -> Place:
    """Where the largest value of an axis is, as a whole number in float32; ArgMin: the least."""
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    axis = _axis(importer, node, shape, 0)
    if importer.network.stored(node.inputs[0]):
        x: Place | None = importer.stored(node.inputs[0], node)
    else:
        x = importer.exact(node.inputs[0])
    if x is None:
        x = importer.real(node.inputs[0], node)
    if node.kind == "ArgMin":
        x = _turned(importer, node, x)
    x = in_channels(importer, x, shape, axis)
    height, width, _ = importer.tensors[x.tensor].shape
    y = importer.tensor(importer.name(node.output), (height, width, 1), real=True)
    last = bool(node.attributes.get("select_last_index", 0))
    name = importer.own_name(node)
    importer.emit(ArgMax(name=name, inputs=(x.tensor,), output=y, last=last))
    sizes = importer.tensors[x.tensor].shape
    axes = places.physical_axes(x, sizes, shape)
    assert axes is not None
    kept = [1 if index == axis else size for index, size in enumerate(shape)]
    return Place.of(y, kept, [*axes[0], *axes[1]])


def _turned(importer: Importer, node: Node, x: Place) -> Place:
    """Values whose largest is the least of ``x``."""
    if importer.tensors[x.tensor].real:
        return x.on(Formula(importer, node).times(x.tensor, -1.0))
    return turned(importer, node, x)


def in_channels(importer: Importer, x: Place, shape: Axes, axis: int) -> Place:
    """The same values with ``axis``, and nothing else, as channels."""
    tensor = importer.tensors[x.tensor]
    axes = places.physical_axes(x, tensor.shape, shape)
    if axes is not None and axes[2] == (axis,):
        return x
    if shape[axis] == 1:
        if tensor.channels == 1 and axes is not None:
            return x
        own = places.row_place("", shape)
        return importer.arranged(x, (1, math.prod(shape), 1), own.shape, own.order)
    # The others keep their order.
    order = [*(a for a in range(len(shape)) if a != axis), axis]
    wanted = Place.of("", shape, order)
    rows = math.prod(shape) // shape[axis]
    return importer.arranged(x, (1, rows, shape[axis]), wanted.shape, wanted.order)


def _softmax(importer: Importer, node: Node, want: Want | None) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    axis = _axis(importer, node, shape)
    x = in_channels(importer, importer.place(node.inputs[0], node), shape, axis)
    tensor = importer.tensors[x.tensor]
    name = importer.name(node.output) if want is None else want.name
    quantisation = (1.0, 0) if want is None else want.quantisation
    y = importer.tensor(name, tensor.shape, quantisation, want is None)
    table = curves.softmax_table(float(tensor.scale), tensor.channels)
    importer.emit(
        Softmax(
            name=node.name,
            inputs=(tensor.name,),
            output=y,
            low=INT8_MIN if want is None else want.low,
            high=INT8_MAX if want is None else want.high,
            table=table,
        )
    )
    return x.on(y)
