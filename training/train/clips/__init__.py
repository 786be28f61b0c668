"""Training of classifiers of clips: video transformer networks, alone or taught by several."""

from .loop import train
from .recipe import Recipe, parse, read

__all__ = ["Recipe", "parse", "read", "train"]
