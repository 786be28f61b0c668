"""Training runs from recipes: one loop for every model, data set and objective."""

from .loop import train
from .recipe import Recipe, parse, read

__all__ = ["Recipe", "parse", "read", "train"]
