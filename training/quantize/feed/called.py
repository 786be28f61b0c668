"""What a user's own function yields: mappings of input names to arrays."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from .arrays import fitting
from .samples import Input, Look, Samples
from .source import Source


class Called(Source):
    """A function without arguments; samples are taken until there are enough of them."""

    def __init__(self, function: Callable[[], Iterable[Any]]):
        self.name = getattr(function, "__name__", type(function).__name__)
        self.function = function
        self.first: list[Mapping[str, Any]] = []
        self.rest: Iterator[Any] = iter(())

    def shapes(self, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        self._start()
        found = self._checked(self.first[0], names, 0)
        return {name: np.shape(value) for name, value in found.items()}

    def take(
        self, inputs: tuple[Input, ...], count: int, look: Look | None, *, exact: bool
    ) -> Samples:
        self._start()
        names = tuple(into.name for into in inputs)
        found = []
        for place, item in enumerate([*self.first, *islice(self.rest, count - 1)]):
            values = self._checked(item, names, place)
            where = f"{self.name}(), sample {place}"
            found.append({into.name: fitting(values[into.name], into, where) for into in inputs})
        if len(found) < count:
            raise ValueError(
                f"{self.name}(): expected {count} samples, to calibrate and to choose the method, "
                f"found {len(found)}; yield more or give a smaller count"
            )
        return Samples(found)

    def _start(self) -> None:
        if self.first:
            return
        try:
            self.rest = iter(self.function())
        except TypeError as error:
            raise ValueError(f"{self.name}(): {error}; expected it to yield mappings") from error
        self.first = list(islice(self.rest, 1))
        if not self.first:
            raise ValueError(f"{self.name}(): yields nothing; expected mappings of input to array")

    def _checked(self, item: Any, names: tuple[str, ...], place: int) -> Mapping[str, Any]:
        if not isinstance(item, Mapping) or sorted(item) != sorted(names):
            got = ", ".join(map(repr, item)) if isinstance(item, Mapping) else type(item).__name__
            raise ValueError(
                f"{self.name}(), sample {place}: expected a mapping with an array for "
                f"{', '.join(map(repr, names))}, got {got}"
            )
        return item


def found(text: str) -> Callable[[], Iterable[Any]]:
    """The function that ``module:function`` names; ValueError where there is none."""
    module, _, name = text.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{text}: no such function to import ({error})") from None
    if not callable(function):
        raise ValueError(f"{text}: is a {type(function).__name__}, expected a function")
    return function
