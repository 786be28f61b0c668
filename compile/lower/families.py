"""Which kernel family does an operator on an instruction set: code, weights and scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..graph import Conv, Graph, Op
from ..kernels import elementwise, move, pool
from ..kernels.conv import dsp as conv_dsp
from ..kernels.conv import mve as conv_mve
from ..kernels.conv import pixel_pairs
from ..kernels.conv import vectors as conv
from ..kernels.conv import widened as conv_staged
from ..kernels.conv.shape import ConvShape, reads, steps
from ..kernels.depthwise import dot2 as depthwise_pairs
from ..kernels.depthwise import dot4 as depthwise_dot
from ..kernels.depthwise import dsp as depthwise_dsp
from ..kernels.depthwise import mve as depthwise_mve
from ..kernels.depthwise import mve_lanes as depthwise_lanes
from ..kernels.depthwise import vectors as depthwise
from ..kernels.depthwise.shape import DepthwiseShape
from ..kernels.frame import rounded
from ..kernels.isa.base import Isa
from ..kernels.rescale import dsp as rescale_dsp
from ..kernels.rescale import mve as rescale_mve
from ..kernels.rescale import words as rescale_words
from ..kernels.rescale.shape import PIECE, WordsShape
from .layout import Layout
from .packing import padded


@dataclass(frozen=True)
class Packed:
    """Weights as a convolution's kernel reads them.

    ``width`` is the length of its tables by channel; ``scratch`` counts the int32 of arena that a
    call uses, 0 for kernels that take none. ``paired``: the tables are laid out for pixel_pairs.py.
    """

    weight: np.ndarray
    width: int
    scratch: int = 0
    paired: bool = False

    def table(self, values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
        """Values by channel, padded with zeros, as the kernel reads them."""
        table = padded(values, self.width, dtype)
        return pixel_pairs.table(table) if self.paired else table


def instructions(isa: Isa, shape: Any) -> Isa:
    """What the kernel of a shape is built for."""
    return isa.dense if isinstance(shape, ConvShape) and not shape.single else isa


def fewest(isa: Isa, shape: ConvShape, op: Conv, inputs: int) -> ConvShape:
    """``shape``, flattened, or the same on single pixels where that takes no more dot steps.

    Pairs of pixels halve the steps, but not those of a few inputs, which they pad, nor those of
    a row's odd pixel.
    """
    ways = [shape.flattened()]
    if isa.dense.pair:
        layer = reads(isa, inputs, op.weight.shape[0], op.groups)
        ways.insert(0, replace(shape, single=True, reads=layer).flattened())
    return min(ways, key=lambda way: steps(instructions(isa, way), way))


def dense(isa: Isa, shape: ConvShape, op: Conv) -> Packed:
    """For a dense or grouped convolution."""
    on, outputs = instructions(isa, shape), op.weight.shape[0]
    width = rounded(outputs, on.lanes)
    family = _dense(isa)
    if isa.scalar or isa.helium:
        weight = family.pack(on, op.weight, op.groups, shape)
        return Packed(weight, width, family.scratch(shape))
    columns = family.tile_of(on, shape)[1]
    return Packed(conv.pack(on, op.weight, op.groups, columns), width, paired=on.pair)


def by_channel(isa: Isa, shape: DepthwiseShape, op: Conv) -> Packed:
    """For a depthwise convolution."""
    outputs = op.weight.shape[0]
    if paired(isa, op):
        weight = depthwise_dsp.pack(isa, op.weight)
        return Packed(weight, rounded(outputs, isa.vector), depthwise_dsp.scratch(shape))
    if isa.helium and depthwise_mve.fits(shape):
        weight = depthwise_mve.pack(op.weight, shape)
        width = rounded(outputs, depthwise_mve.CHANNELS)
        return Packed(weight, width, depthwise_mve.scratch(shape))
    family = _depthwise(isa)
    return Packed(family.pack(isa, op.weight, op.stride), family.width(isa, outputs))


def dots(isa: Isa) -> bool:
    """Whether depthwise layers run on the four-way dot product."""
    return isa.group == depthwise_dot.PIXELS


def paired(isa: Isa, op: Conv) -> bool:
    """Whether a kernel of Cortex-M's scalar registers does a convolution."""
    return isa.scalar and (not op.depthwise or depthwise_dsp.fits(op.kernel))


def entered(isa: Isa, graph: Graph, layout: Layout, op: Op) -> bool:
    """Whether only convolutions read a rescale's result, and their kernels do it as they do."""
    if op.output in graph.outputs or layout.places[op.output][0] != op.output:
        return False
    return all(
        isinstance(reader, Conv)
        and reader.inputs.count(op.output) == 1
        and reader.inputs[0] == op.output
        and _enters(isa, reader, graph.tensors[op.output].channels)
        for reader in graph.consumers()[op.output]
    )


def _enters(isa: Isa, op: Conv, channels: int) -> bool:
    """Whether a convolution of ``channels`` takes a rescale on its way in, each value once."""
    once = all(k <= s for k, s in zip(op.kernel, op.stride, strict=True))
    if op.depthwise or not once or any(pad > 0 for pad in op.pads):
        return False
    if isa.helium:
        return op.kernel == (1, 1) and op.groups == 1 and channels % PIECE == 0
    return isa.scalar


def _dense(isa: Isa) -> Any:
    if isa.scalar:
        return conv_dsp
    if isa.helium:
        return conv_mve
    return conv_staged if isa.dense.staged else conv


def _depthwise(isa: Isa) -> Any:
    if isa.staged:
        return depthwise_pairs
    return depthwise_dot if dots(isa) else depthwise


def _build_conv(name: str, isa: Isa, shape: ConvShape) -> Any:
    return _dense(isa).build(name, instructions(isa, shape), shape)


def _build_depthwise(name: str, isa: Isa, shape: DepthwiseShape) -> Any:
    if isa.scalar and depthwise_dsp.fits(shape.kernel):
        return depthwise_dsp.build(name, isa, shape)
    if isa.helium:
        gathers = depthwise_mve.fits(shape)
        return (depthwise_mve if gathers else depthwise_lanes).build(name, isa, shape)
    return _depthwise(isa).build(name, isa, shape)


def _build_words(name: str, isa: Isa, shape: WordsShape) -> Any:
    family = rescale_dsp if isa.scalar else rescale_mve if isa.helium else rescale_words
    return family.build(name, isa, shape)


BUILDERS: dict[type, tuple[str, Callable[..., Any]]] = {
    ConvShape: ("conv", _build_conv),
    DepthwiseShape: ("depthwise", _build_depthwise),
    elementwise.RescaleShape: ("rescale", elementwise.build_rescale),
    WordsShape: ("rescale", _build_words),
    elementwise.AddShape: ("add", elementwise.build_add),
    elementwise.MultiplyShape: ("multiply", elementwise.build_multiply),
    elementwise.TableShape: ("table", elementwise.build_table),
    pool.PoolShape: ("pool", pool.build),
    move.PadShape: ("pad", move.build_pad),
    move.CopyShape: ("copy", move.build_copy),
}
