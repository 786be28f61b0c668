"""Concat along the channels."""

from __future__ import annotations

from ...graph import (
    Concat,
    Op,
    Tensor,
)
from ..network import Network, Node
from .common import requantise


def concat(network: Network, node: Node) -> list[Op]:
    output, passed = network.result(node)
    y = network.tensors[output]
    if node.attributes["axis"] not in (1, 1 - len(network.shapes[node.output])):
        raise network.error(node, "only the channel axis is supported")
    if passed:
        raise network.error(node, "an unquantised activation behind it is not supported")
    ops: list[Op] = []
    parts = []
    for index, value in enumerate(node.inputs):
        source = network.source(value, node)
        x = network.tensors[source]
        if x.quantisation != y.quantisation:
            copy = Tensor(f"{output}.part{index}", *x.shape, *y.quantisation)
            network.tensors[copy.name] = copy
            ops.append(requantise(network, node, f"{node.name}.part{index}", x, copy))
            source = copy.name
        parts.append(source)
    return [*ops, Concat(name=node.name, inputs=tuple(parts), output=output)]
