"""Which rescales are done by the convolutions that read their results, as they read."""

from __future__ import annotations

from ..graph import Conv, Graph, Op
from ..kernels import families
from ..kernels.isa.base import Isa
from .layout import Layout


def is_prologue(isa: Isa, graph: Graph, layout: Layout, op: Op) -> bool:
    """Whether only convolutions read a rescale's result, and their kernels do it as they do."""
    if op.output in graph.outputs or layout.places[op.output][0] != op.output:
        return False
    return all(
        isinstance(reader, Conv)
        and reader.inputs.count(op.output) == 1
        and reader.inputs[0] == op.output
        and not graph.tensors[reader.output].real
        and _takes_prologue(isa, reader, graph.tensors[op.output].channels)
        for reader in graph.consumers()[op.output]
    )


def _takes_prologue(isa: Isa, op: Conv, channels: int) -> bool:
    """Whether a convolution of ``channels`` takes a rescale on its way in, each value once."""
    once = all(k <= s for k, s in zip(op.kernel, op.stride, strict=True))
    if op.depthwise or not once or any(pad > 0 for pad in op.pads):
        return False
    listed = families.listed(isa, "conv")
    return all(family.takes_prologue(op.kernel, op.groups, channels) for family in listed)
