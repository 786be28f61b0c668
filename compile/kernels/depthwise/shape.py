"""What shapes a depthwise convolution's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..epilogue import Rounding
from ..frame import View
from ..tile import OWN, Tile


@dataclass(frozen=True)
class DepthwiseShape:
    """Everything that shapes the code; ``x`` starts at the first (padding) pixel read."""

    label: ClassVar[str] = "depthwise"
    x: View
    y: View
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    activation: bool
    other: View | None
    rounding: Rounding
    tile: Tile = OWN

    @property
    def family(self) -> str:
        return "real depthwise" if self.rounding.real else "depthwise"
