"""Layer norm: one node or the many that exporters write, as one operator on an int8 tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph import LayerNorm
from ..network import Node, Want
from ..places import Place
from . import norm_chain
from .formula import Formula
from .moves.select import around
from .softmax import along, in_channels

if TYPE_CHECKING:
    from ..importer import Importer

MOST = 2**15
"""Channels of which the sum of squares and the square of the sum stay within their integers."""


@dataclass(frozen=True)
class _Nodes:
    """The network as norm_chain reads it."""

    importer: Importer

    def writer(self, value: str) -> tuple[str, Sequence[str], dict[str, Any]] | None:
        node = self.importer.network.writer.get(value)
        return (node.kind, node.inputs, node.attributes) if node is not None else None

    def constant(self, value: str) -> np.ndarray | None:
        constant = self.importer.network.constant(value)
        if constant is None:
            return None
        return np.asarray(constant.real.astype(np.float64))

    def shape(self, value: str) -> tuple[int, ...]:
        return self.importer.network.shapes.get(value, ())


def normed(importer: Importer, value: str, want: Want) -> Place | None:
    """``value`` as a norm of an int8 tensor; None where it is none.

    Raises:
        CompileError: a norm beyond the integers of its rule.
    """
    part = norm_chain.found(_Nodes(importer), value)
    x = importer.exact(part.x) if part is not None else None
    if part is None or x is None or not want.plain:
        return None
    network = importer.network
    node = network.writer[value]
    shape = network.shape(part.x, node)
    source = importer.tensors[x.tensor]
    if shape[-1] > MOST or part.counts(shape[-1], source.scale):
        return None
    x = in_channels(importer, x, shape, len(shape) - 1)
    source = importer.tensors[x.tensor]
    try:
        numbers = part.norm(shape[-1]).numbers(shape[-1], source.scale, want.scale)
    except ValueError as error:
        raise network.error(node, f"{error}; quantise it otherwise") from error
    y = importer.tensor(want.name, source.shape, want.quantisation)
    importer.emit(
        LayerNorm(
            name=importer.own_name(node), inputs=(source.name,), output=y, low=want.low,
            high=want.high, **numbers,
        )
    )  # fmt: skip
    return x.on(y)


def layer_norm(importer: Importer, node: Node, want: Want) -> Place | None:
    """The node LayerNormalization of an int8 tensor."""
    return normed(importer, node.output, want)


def layer_norm_real(importer: Importer, node: Node) -> Place:
    """LayerNormalization of float32: an operation after the other."""
    network = importer.network
    part = norm_chain.found(_Nodes(importer), node.output)
    if part is None:
        raise network.error(
            node, "expected the last axis, and constants of one number for each of its entries"
        )
    shape = network.shape(part.x, node)
    size, f = shape[-1], Formula(importer, node)
    x = around(importer, importer.real(part.x, node), shape, len(shape) - 1)
    centred = f.minus(x.tensor, f.times(along(f, x.tensor, "average"), 1 / size))
    square = f.times(along(f, f.times(centred, centred), "average"), 1 / size)
    found = f.over(centred, f.one("sqrt", f.plus(square, part.inside)))
    norm = part.norm(size)
    for apply, values in ((f.times, norm.gain), (f.plus, norm.shift)):
        row = importer.constant(f"{node.output}.row", values.reshape(1, size, 1))
        found = apply(found, row.tensor)
    return x.on(found)
