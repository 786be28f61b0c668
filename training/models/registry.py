"""The zoo's index: model names to constructors, with what the record needs to know of each."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

FACES = "face-embedding"
CLIPS = "clips"
DETECTION = "face-detection"


class UnknownModelError(KeyError, ValueError):
    """No model of that name; the message lists the closest names and all that exist."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's own text has quotes around it


@dataclass(frozen=True)
class Entry:
    """One registered model: constructor, source and the shapes a record needs.

    ``embedding``: values of the output; of the tasks "classification" and "clips" they are classes,
    of "face-detection" channels of a cell. ``input_size``: width in pixels, and height but of
    detectors, whose ``architecture`` has a ``height``.
    ``architecture``: of a network that was built by a family's arguments, those; JSON data.
    """

    name: str
    make: Callable[[], nn.Module]
    paper: str
    embedding: int
    input_size: int
    task: str = FACES
    architecture: Mapping[str, Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input: (channels, height, width), of clips (frames, channels, height, width)."""
        picture = (3, self.input_size, self.input_size)
        if self.task == DETECTION and self.architecture is not None:
            return 3, int(self.architecture["height"]), self.input_size
        if self.task != CLIPS or self.architecture is None:
            return picture
        flow = "flow" in str(self.architecture.get("modality", ""))
        return int(self.architecture["frames"]), 5 if flow else 3, *picture[1:]


Build = Callable[..., nn.Module]
"""Of a family: a network of keyword arguments ``embedding``, ``size`` and its own, all JSON data.
Raises ValueError, or TypeError for arguments that it has not."""

_ENTRIES: dict[str, Entry] = {}
_FAMILIES: dict[str, tuple[Build, str, str]] = {}


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
    architecture: Mapping[str, Any] | None = None,
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Decorator that files a constructor under ``name``; a second one of that name is an error.

    ``architecture``: what :func:`built` makes the same network of, where others of its family are
    made by changing it.
    """

    def file(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        if name in _ENTRIES:
            raise ValueError(f"model {name!r} is registered twice")
        _ENTRIES[name] = Entry(name, make, paper, embedding, input_size, task, architecture)
        return make

    return file


def register_family(name: str, *, paper: str, task: str = FACES) -> Callable[[Build], Build]:
    """Decorator that files a family, whose networks an architecture describes."""

    def file(build: Build) -> Build:
        _FAMILIES[name] = build, paper, task
        return build

    return file


def built(name: str, architecture: Mapping[str, Any]) -> Entry:
    """The entry of a network by its architecture: ``family``, ``embedding``, ``size`` in pixels
    and the family's own arguments.

    Raises:
        ValueError: no such family, or arguments that it does not take; the first is named.
    """
    arguments = dict(architecture)
    family = arguments.pop("family", None)
    if family not in _FAMILIES:
        raise ValueError(
            f"architecture: expected a family, one of {', '.join(sorted(_FAMILIES))}, got "
            f"{family!r}"
        )
    arguments = {"embedding": 128, "size": 112} | arguments
    build, paper, task = _FAMILIES[family]
    for key in ("embedding", "size"):
        if not isinstance(arguments[key], int) or arguments[key] < 1:
            raise ValueError(f"architecture: {key}: expected a number, got {arguments[key]!r}")

    def make() -> nn.Module:
        return build(**arguments)

    try:
        make()  # what is wrong is said here, not after hours
    except TypeError as error:
        raise ValueError(f"architecture of {family}: {error}") from None
    return Entry(
        canonical(name), make, paper, arguments["embedding"], arguments["size"], task,
        architecture={"family": family, **arguments},
    )  # fmt: skip


def read_architecture(path: Path) -> Entry:
    """The entry of a JSON file of an architecture, named by ``name`` in it or by the file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON object, or as :func:`built`; names the file.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"expected a JSON object, got {str(values)[:60]!r}")
        name = str(values.pop("name", path.stem))
        return built(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "network", values)
    except ValueError as error:
        raise ValueError(f"{path}: not an architecture: {error}") from None


def entry(name: str) -> Entry:
    """The registry entry of ``name`` in either spelling, or that of an architecture's ``.json``.

    Raises:
        UnknownModelError: no such model.
        FileNotFoundError, ValueError: as :func:`read_architecture`.
    """
    if name.endswith(".json"):
        return read_architecture(Path(name))
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
