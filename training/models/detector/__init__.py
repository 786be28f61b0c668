"""Detectors of faces: the network, and what its maps stand for."""

from .maps import CHANNELS, LIMIT, LOGIT, OUTPUTS, STRIDES, Decoded, cells, decoded, flat
from .network import PRIOR, FaceFinder

__all__ = [
    "CHANNELS",
    "LIMIT",
    "LOGIT",
    "OUTPUTS",
    "PRIOR",
    "STRIDES",
    "Decoded",
    "FaceFinder",
    "cells",
    "decoded",
    "flat",
]
