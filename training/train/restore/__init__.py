"""Restoring faces of few pixels: FHN against its discriminators, from recipes."""

from .loop import train
from .recipe import Recipe, parse, read

__all__ = ["Recipe", "parse", "read", "train"]
