"""The model zoo: ``create(name)`` builds any registered network, ``load`` gives it weights."""

from . import mobilefacenet, pocketnet, vargfacenet  # noqa: F401  (they register their entries)
from .checkpoint import load
from .registry import Entry, create, entry, names

__all__ = ["Entry", "create", "entry", "load", "names"]
