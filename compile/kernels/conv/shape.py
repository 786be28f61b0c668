"""What shapes a dense, grouped or 1x1 convolution's code: which inputs it reads, and its tile."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..epilogue import Rounding
from ..frame import View, rounded
from ..isa.base import Isa, tile
from ..rescale.shape import WordsShape
from ..tile import OWN, Tile


@dataclass(frozen=True)
class Reads:
    """Input channels of each block of ``lanes`` outputs.

    ``span`` of them (a multiple of the dot group) from ``block // share * advance`` on;
    ``advance`` is 0 for dense layers.
    """

    span: int
    advance: int
    share: int

    def first(self, block: Any) -> Any:
        """Input channel at which ``block`` (a number or an expression) starts."""
        return block // self.share * self.advance if self.advance else 0


@dataclass(frozen=True)
class ConvShape:
    """Everything that shapes the code; layers that agree in it share one function.

    ``x`` starts at the first (padding) pixel that the first window reads.
    """

    label: ClassVar[str] = "conv"
    x: View
    y: View
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    reads: Reads
    activation: bool
    other: View | None
    rounding: Rounding
    prologue: WordsShape | None = None
    """A rescale that the input takes on its way in; conv_dsp.py and conv_mve.py have it."""
    single: bool = False
    """Pixels come one by one, on an instruction set that could take pairs (pixel_pairs.py)."""
    tile: Tile = OWN

    @property
    def family(self) -> str:
        return "real conv" if self.rounding.real else "conv"

    def flattened(self) -> ConvShape:
        """1x1 layers over whole maps see one long row, so that tiles need no tail per row.

        Taps of a row that stand side by side, as those of an input of few channels, are steps.
        """
        if self.kernel[1] > 1 and self.x.pixel == self.reads.span and not self.reads.advance:
            row = replace(self.reads, span=self.kernel[1] * self.reads.span)
            return replace(self, kernel=(self.kernel[0], 1), reads=row)
        views = [self.x, self.y] + ([self.other] if self.other else [])
        # Taps of a row that became steps reach past its last output: such maps differ in width.
        same = (self.x.height, self.x.width) == (self.y.height, self.y.width)
        pointwise = self.kernel == (1, 1) and self.stride == (1, 1) and same
        if not pointwise or not all(view.contiguous for view in views):
            return self
        other = self.other.flat() if self.other else None
        return replace(self, x=self.x.flat(), y=self.y.flat(), other=other)


def input_channels(isa: Isa, inputs: int, outputs: int, groups: int) -> Reads:
    """Which input channels each block of outputs reads.

    Grouped layers read their own groups only where groups and blocks fall together; others run as
    dense layers whose foreign weights are zero.
    """
    per_input, per_output = inputs // groups, outputs // groups
    dense = Reads(rounded(inputs, isa.group), 0, 1)
    if groups == 1:
        return dense
    if isa.lanes % per_output == 0:
        span, share = isa.lanes // per_output * per_input, 1
    elif per_output % isa.lanes == 0:
        span, share = per_input, per_output // isa.lanes
    else:
        return dense
    grouped = Reads(span, span, share)
    blocks = rounded(outputs, isa.lanes) // isa.lanes
    # Lanes past the last output belong to no group; their reads must stay inside the pixel.
    outside = grouped.first(blocks - 1) + span > rounded(inputs, 16)
    return dense if span % isa.group or outside else grouped


def steps(isa: Isa, shape: ConvShape) -> int:
    """Dot steps of a flattened shape for each block of outputs: of pairs, half as many each."""
    taps = shape.kernel[0] * shape.kernel[1]
    pixels = shape.y.height * rounded(shape.y.width, 2 if isa.pair else 1)
    return pixels * taps * shape.reads.span // isa.group


def tile_of(isa: Isa, shape: ConvShape) -> tuple[int, int]:
    """(pixels, channel blocks) of a flattened shape's tile."""
    blocks = rounded(shape.y.channels, isa.lanes) // isa.lanes
    if shape.reads.advance > 0 and shape.reads.share > 1:
        blocks = math.gcd(shape.reads.share, 4)
    pixels, columns = tile(isa, shape.y.width, blocks)
    return shape.tile.pixels or pixels, shape.tile.blocks or columns


def least_steps(isa: Isa, shape: ConvShape, inputs: int, outputs: int, groups: int) -> ConvShape:
    """``shape``, flattened, or the same on single pixels where that takes no more dot steps.

    Pairs of pixels halve the steps, but not those of a few inputs, which they pad, nor those of
    a row's odd pixel.
    """
    if shape.rounding.real:
        return shape.flattened()
    ways = [(isa.dense, shape.flattened())]
    if isa.dense.pair:
        layer = input_channels(isa, inputs, outputs, groups)
        ways.insert(0, (isa, replace(shape, single=True, reads=layer).flattened()))
    return min(ways, key=lambda way: steps(*way))[1]
