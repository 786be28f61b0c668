"""Cortex-M with the DSP extension: SMLAD multiplies two int16 pairs into one int32."""

from __future__ import annotations

import numpy as np

from .generic import Generic


class Pairs(Generic):
    """Dense convolutions: two output channels at a time, four input channels a step."""

    name = "dsp pairs"
    tiles = False
    lanes, group = 2, 4


class Dsp(Generic):
    """Convolutions have kernels of their own on SMLAD; the rest is plain code."""

    name = "dsp"
    tiles = False
    families = {
        **Generic.families,
        "conv": ("conv.dsp",),
        "depthwise": ("depthwise.dsp", "depthwise.vectors"),
        "words": ("rescale.dsp",),
        "matmul": ("attention.dsp",),
        "layer norm": ("attention.dsp",),
    }
    assembly = ("dsp_tile.S", "dsp_frame.inc", "dsp_depthwise.S")
    bytes = 4

    def halves_order(self) -> np.ndarray:
        return np.array([[0, 2], [1, 3]])

    @property
    def dense(self) -> Pairs:
        return Pairs()

    @property
    def sums(self) -> Generic:
        """Plain code: the kernels of this core end in int8."""
        return Generic()


class Dual(Dsp):
    """The same of a core that issues two instructions a cycle."""

    name = "dsp dual"
    dual = True
    assembly = ("dsp_dual.S", "dsp_frame.inc", "dsp_depthwise.S")
