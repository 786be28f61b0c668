"""The model zoo: ``create(name)`` builds any registered network, ``load`` gives it weights."""

from . import dna, facechain, iresnet, mobilefacenet, pocketnet, vargfacenet  # noqa: F401  (register)
from .checkpoint import load
from .registry import Entry, create, entry, names

__all__ = ["Entry", "create", "entry", "load", "names"]
