"""Gemm, and MatMul with constant weights: convolutions of one pixel, or of a row of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ....graph import INT8_MAX
from ... import places
from ...network import Network, Node, Want
from ...places import Place
from ..attention import product
from . import weights as layer_weights
from .conv import emitted, replaced
from .weights import Weights
from .windows import Window

if TYPE_CHECKING:
    from ...importer import Importer

ONE = Window((1, 1), (1, 1), (0, 0, 0, 0), (1, 1))


def _scaled(network: Network, node: Node, found: Weights) -> Weights:
    """Weights times Gemm's alpha, and its bias times beta."""
    alpha, beta = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if (alpha, beta) == (1.0, 1.0):
        return found
    if not (math.isfinite(alpha) and math.isfinite(beta)):
        raise network.error(node, f"alpha {alpha} and beta {beta} must be finite")
    values = found.values
    if values.dtype == np.float32:
        values = values * np.float32(alpha)
        return Weights(values, found.scale, found.bias * beta, None)
    if alpha < 0:
        values = -values.astype(np.int16)
        values = values.astype(np.int8) if values.max() <= INT8_MAX else values
    return Weights(values, found.scale * abs(alpha), found.bias * beta, None)


def gemm(importer: Importer, node: Node, want: Want | None = None) -> Place | None:
    """A product with a weight matrix, as ``conv`` gives it."""
    network = importer.network
    attributes = node.attributes
    if attributes.get("transA", 0):
        raise network.error(node, "a transposed input is not supported")
    shape, after = (network.shape(name, node) for name in (node.inputs[0], node.output))
    if network.constant(node.inputs[1]) is None and node.kind == "MatMul":
        return product(importer, node, want)
    if network.constant(node.inputs[1]) is None:
        raise network.error(
            node, f"its second operand {node.inputs[1]!r} must be a constant weight matrix"
        )
    x = layer_weights.operand(importer, node, want)
    if x is None:
        return None
    tensor = importer.tensors[x.tensor]
    weight_shape = network.shape(node.inputs[1], node)
    transposed = bool(attributes.get("transB", 0))
    if len(weight_shape) != 2 or weight_shape[1 if transposed else 0] != shape[-1]:
        raise network.error(node, f"weight {weight_shape} does not fit an input of {shape}")
    outputs = 0 if transposed else 1
    found = layer_weights.read(network, node, node.inputs[1], outputs, tensor.scale, tensor.real)
    found = _scaled(network, node, found)
    if math.prod(shape[:-1]) == 1:
        # The tensor stays as it stands, and the weights follow its order.
        columns = found.values.reshape(len(found.values), *x.shape)
        order = [0, *(1 + axis for axis in x.order)]
        values = columns.transpose(order).reshape(-1, *tensor.shape).transpose(0, 3, 1, 2)
        window = Window(tensor.shape[:2], (1, 1), (0, 0, 0, 0), (1, 1))
        sizes = (1, 1, len(values))
    else:
        x = importer.as_rows(x, shape)
        tensor = importer.tensors[x.tensor]
        values = found.values.reshape(len(found.values), -1, 1, 1)
        window, sizes = ONE, (*tensor.shape[:2], len(found.values))
    values = np.ascontiguousarray(values)
    y = emitted(importer, node, x.tensor, replaced(found, values), window, 1, sizes, want)
    return places.row_place(y, after)
