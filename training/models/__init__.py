"""The model zoo: ``create(name)`` builds any registered network, ``load`` gives it weights."""

from . import (  # noqa: F401  (register)
    detector,
    facechain,
    inverted,
    iresnet,
    mobilefacenet,
    pocketnet,
    rim,
    vargfacenet,
    vtn,
)
from .registry import Entry, built, create, entry, names
from .stored.checkpoint import load

__all__ = ["Entry", "built", "create", "entry", "load", "names"]
