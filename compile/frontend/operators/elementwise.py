"""Add and Mul."""

from __future__ import annotations

from ...arithmetic import file_rule
from ...graph import (
    Add,
    Multiply,
    Op,
)
from ..network import Network, Node
from .common import result


def add(network: Network, node: Node) -> list[Op]:
    if any(network.is_constant(value) for value in node.inputs):
        raise network.error(node, "adding a constant is not supported; fold it into a bias")
    a, b = (network.source(value, node) for value in node.inputs)
    output, low, high = result(network, node)
    y = network.tensors[output]
    if not network.tensors[a].shape == network.tensors[b].shape == y.shape:
        raise network.error(node, "operands of different shapes (broadcasting) are not supported")
    total, misses = file_rule.sum_factors(network.tensors[a], network.tensors[b], y)
    network.note(node, misses, "65,536 pairs of operands")
    return [Add(name=node.name, inputs=(a, b), output=output, low=low, high=high, sum=total)]


def multiply(network: Network, node: Node) -> list[Op]:
    if any(network.is_constant(value) for value in node.inputs):
        raise network.error(node, "a constant factor is not supported; fold it into a weight")
    a, b = (network.source(value, node) for value in node.inputs)
    output, low, high = result(network, node)
    y = network.tensors[output]
    if network.tensors[a].shape != y.shape:
        a, b = b, a
    gate = (1, 1, y.channels)
    if network.tensors[a].shape != y.shape or network.tensors[b].shape not in (y.shape, gate):
        raise network.error(
            node,
            f"operands of shapes {network.tensors[a].shape} and {network.tensors[b].shape}, "
            "expected one shape, or one value per channel",
        )
    scale, misses = file_rule.product_factor(network.tensors[a], network.tensors[b], y)
    network.note(node, misses, "65,536 pairs of operands")
    return [Multiply(name=node.name, inputs=(a, b), output=output, low=low, high=high, scale=scale)]
