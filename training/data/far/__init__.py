"""Faces from far away: what few pixels, motion, noise and JPEG leave of an aligned crop."""

from .batch import seen
from .shots import Far, Shot, draw, shots

__all__ = ["Far", "Shot", "draw", "seen", "shots"]
