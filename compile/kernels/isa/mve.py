"""Cortex-M55's vectors (MVE): dot products into scalars, conversions to nearest, 16-bit words."""

from __future__ import annotations

import numpy as np

from .generic import Generic


class Blocks(Generic):
    """Convolutions: sixteen output channels read eight input channels of their own, or more."""

    name = "mve blocks"
    tiles = False
    lanes, group = 16, 8


class Mve(Generic):
    """Convolutions and rescales have kernels of their own (helium.py); the rest is plain code."""

    name = "mve"
    tiles = False
    families = {
        **Generic.families,
        "conv": ("conv.mve",),
        "depthwise": ("depthwise.mve", "depthwise.mve_lanes"),
        "words": ("rescale.mve",),
        "matmul": ("attention.mve",),
        "layer norm": ("attention.mve",),
    }
    assembly = ("mve_dots.S", "mve_windows.S", "mve_finish.S", "mve_units.S")
    bytes = 16
    packed = 1

    def halves_order(self) -> np.ndarray:
        return np.arange(16).reshape(8, 2).T

    @property
    def dense(self) -> Blocks:
        return Blocks()

    @property
    def sums(self) -> Generic:
        """Plain code: the kernels of this core end in int8."""
        return Generic()
