"""The model zoo: ``create(name)`` builds any registered network, ``load`` gives it weights."""

from . import dna, facechain, inverted, iresnet, mobilefacenet, pocketnet, vargfacenet, vtn  # noqa: F401  (register)
from .registry import Entry, built, create, entry, names
from .stored.checkpoint import load

__all__ = ["Entry", "built", "create", "entry", "load", "names"]
