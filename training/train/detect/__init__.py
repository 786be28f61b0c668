"""Training of detectors: faces with boxes and landmarks, taught by labels and by YuNet."""

from .loop import train
from .recipe import Recipe, parse, read

__all__ = ["Recipe", "parse", "read", "train"]
