"""Chains of inverted residuals: any layers, DNA (arXiv 1911.13053), those found for boards."""

from . import boards, dna  # noqa: F401  (register)
from .chain import ACTIVATIONS, FAMILY, Inverted

__all__ = ["ACTIVATIONS", "FAMILY", "Inverted"]
