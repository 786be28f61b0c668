"""The zoo's index: model names to constructors, with what the record needs to know of each."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

FACES = "face-embedding"


class UnknownModelError(KeyError, ValueError):
    """No model of that name; the message lists the closest names and all that exist."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's own text has quotes around it


@dataclass(frozen=True)
class Entry:
    """One registered model: constructor, source and the shapes a record needs.

    ``embedding``: values of the output; of a ``task`` "classification" they are classes.
    """

    name: str
    make: Callable[[], nn.Module]
    paper: str
    embedding: int
    input_size: int
    task: str = FACES


_ENTRIES: dict[str, Entry] = {}


def canonical(name: str) -> str:
    """Registry spelling of ``name``: records and the CLI write dashes, Python underscores."""
    return name.lower().replace("-", "_")


def register(
    name: str,
    *,
    paper: str,
    embedding: int,
    input_size: int = 112,
    task: str = FACES,
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Decorator that files a constructor under ``name``; a second one of that name is an error."""

    def file(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        if name in _ENTRIES:
            raise ValueError(f"model {name!r} is registered twice")
        _ENTRIES[name] = Entry(name, make, paper, embedding, input_size, task)
        return make

    return file


def entry(name: str) -> Entry:
    """The registry entry of ``name`` in either spelling.

    Raises:
        UnknownModelError: no such model.
    """
    key = canonical(name)
    if key not in _ENTRIES:
        close = difflib.get_close_matches(key, _ENTRIES, n=3)
        hint = f" Did you mean {', '.join(close)}?" if close else ""
        raise UnknownModelError(
            f"no model named {name!r}.{hint} Registered: {', '.join(names(None))}"
        )
    return _ENTRIES[key]


def create(name: str) -> nn.Module:
    """A freshly initialised model by name (``pocketnet_s_128`` or ``pocketnet-s-128``)."""
    return entry(name).make()


def names(task: str | None = FACES) -> list[str]:
    """The registered names of a task, or all for None, sorted."""
    return sorted(name for name, found in _ENTRIES.items() if task in (None, found.task))
