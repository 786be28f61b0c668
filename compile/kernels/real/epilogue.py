"""The end of a convolution whose result is float32: its sums scaled, and not rounded again."""

from __future__ import annotations

from tvm.script import tirx as T

from ..epilogue import Part, Scales, limits
from ..frame import View
from ..isa.base import Expr, Isa
from .frame import store_some


class RealEpilogue:
    """What ``Epilogue`` is for int8; the pixels of ``y`` hold nothing but its channels."""

    def __init__(self, isa: Isa, lanes: int, ints: Expr, y: View):
        self.isa, self.lanes, self.y = isa, lanes, y
        self.limits = limits(ints, clamped=False)

    def scales(self, scale: tuple[Expr, Expr], index: Expr) -> Scales:
        """The scale vector at a channel; bound to a name."""
        return T.bind(scale[0].vload([index], f"float32x{self.lanes}")), None

    def rounded(self, acc: Expr, scales: Scales, other: Expr | None = None) -> Part:
        """The real values of ``acc``."""
        return Part(T.bind(T.Cast(f"float32x{self.lanes}", acc) * scales[0]))

    def store(
        self, buffer: Expr, parts: list[Part], runs: list[tuple[Expr, int]], channel: Expr
    ) -> None:
        """Writes vectors; each run starts at ``channel``, what is behind the last one is left."""
        channels, lanes, left = self.y.channels, self.lanes, list(parts)
        for index, count in runs:
            for number in range(count):
                place, value = index + number * lanes, left.pop(0).steps
                if channels % lanes == 0 or number < count - 1:
                    store_some(buffer, place, value, lanes, lanes)
                elif channels < lanes:
                    store_some(buffer, place, value, lanes, channels)
                else:
                    with T.If(channel + (number + 1) * lanes > channels):
                        with T.Then():
                            store_some(buffer, place, value, lanes, channels % lanes)
                        with T.Else():
                            store_some(buffer, place, value, lanes, lanes)
