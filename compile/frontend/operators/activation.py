"""PRelu, Relu, LeakyRelu, Clip and Sigmoid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...arithmetic import file_rule
from ...graph import (
    Op,
    Table,
)
from ..network import Network, Node
from .common import clamped, clip_range, rescale, result


def prelu(network: Network, node: Node) -> list[Op]:
    constant = network.constant(node.inputs[1], node)
    slope = constant.values.astype(np.float64)
    if constant.scale is not None:
        zero = 0 if constant.zero_point is None else constant.zero_point.astype(np.float64)
        slope = (slope - zero) * constant.scale.astype(np.float64)
    if slope.size not in (1, network.tensors[network.source(node.inputs[0], node)].channels):
        raise network.error(node, f"slope of shape {slope.shape}, expected one per channel")
    return [rescale(network, node, slope.reshape(-1))]


def relu(network: Network, node: Node) -> list[Op]:
    return [rescale(network, node, np.zeros(1))]


def leaky_relu(network: Network, node: Node) -> list[Op]:
    return [rescale(network, node, np.full(1, node.attributes.get("alpha", 0.01)))]


def clip(network: Network, node: Node) -> list[Op]:
    op = rescale(network, node, np.ones(1))
    own = clip_range(network, node, network.tensors[op.output])
    low, high = clamped(own, (op.low, op.high))
    return [replace(op, low=low, high=high)]


def sigmoid(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    output, low, high = result(network, node)
    table = file_rule.table(network.tensors[source], network.tensors[output], _logistic)
    return [Table(name=node.name, inputs=(source,), output=output, low=low, high=high, table=table)]


def _logistic(real: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-real.astype(np.float64))), np.float32)
