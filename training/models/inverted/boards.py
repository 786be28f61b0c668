"""Face embedders that the block-wise search found for boards (training/search/results/dna)."""

from __future__ import annotations

from ..registry import register
from .chain import Inverted

HEAD = 256
STRIDES = (2, 2, 2)


@register("dna_face_m7", paper="arXiv:1911.13053", embedding=128)
def dna_face_m7() -> Inverted:
    """Best rated of 40 M instructions, 256 KiB of arena and 900 KB of flash on Cortex-M7."""
    layers = "32 k5e3 k3e3, 32 k5e6 k5e3 k3e3, 96 k5e6 k3e3 k3e3"
    return Inverted(layers, 16, HEAD, STRIDES, embedding=128)


@register("dna_face_m4", paper="arXiv:1911.13053", embedding=128)
def dna_face_m4() -> Inverted:
    """Best rated of 20 M instructions, 128 KiB of arena and 450 KB of flash on Cortex-M4."""
    layers = "32 k7e1 k3e1, 32 k5e3 k3e6 k3e3, 64 k5e6 k3e6 k3e3"
    return Inverted(layers, 16, HEAD, STRIDES, embedding=128)
