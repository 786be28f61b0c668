"""Softmax of an int8 tensor along one axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...graph import INT8_MAX, INT8_MIN, Softmax
from .. import places
from ..network import Node, Want
from ..places import Place

if TYPE_CHECKING:
    from ..importer import Importer


def softmax(importer: Importer, node: Node, want: Want) -> Place | None:
    """Shares as int8; None where the input is float."""
    if not want.plain or importer.exact(node.inputs[0]) is None:
        return None
    return _softmax(importer, node, want)


def softmax_real(importer: Importer, node: Node) -> Place:
    """Shares as float32, of an int8 tensor."""
    return _softmax(importer, node, None)


def _softmax(importer: Importer, node: Node, want: Want | None) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    axis = node.attributes.get("axis", -1) % len(shape)
    x = importer.place(node.inputs[0], node)
    tensor = importer.tensors[x.tensor]
    axes = places.physical_axes(x, tensor.shape, shape)
    alone = axes is not None and axes[2] == (axis,)
    if not alone and shape[axis] != 1:
        # The axis goes to the channels, the others keep their order.
        order = [*(a for a in range(len(shape)) if a != axis), axis]
        wanted = Place.of("", shape, order)
        rows = math.prod(shape) // shape[axis]
        x = importer.arranged(x, (1, rows, shape[axis]), wanted.shape, wanted.order)
        tensor = importer.tensors[x.tensor]
    elif shape[axis] == 1 and tensor.channels != 1:
        x = importer.arranged(x, (1, math.prod(shape), 1), x.shape, x.order)
        tensor = importer.tensors[x.tensor]
    name = importer.name(node.output) if want is None else want.name
    quantisation = (1.0, 0) if want is None else want.quantisation
    y = importer.tensor(name, tensor.shape, quantisation, want is None)
    unit = 2.0 ** math.floor(math.log2((2**31 - 1) / (tensor.channels + 1)))
    table = np.rint(np.exp(-np.arange(256) * float(tensor.scale)) * unit).astype(np.int32)
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
