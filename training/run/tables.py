"""TOML files as dataclasses: every key is a field, every value of its type."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Choices = Mapping[tuple[str, str], tuple[str, ...]]
LENGTHS = ("steps", "epochs", "minutes")
FOLDER = Path(__file__).resolve().parents[1] / "recipes"
"""Recipes that the package brings."""


def read(path: Path, parse: Callable[[dict[str, Any]], T]) -> T:
    """What ``parse`` makes of a TOML file's table.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, or what ``parse`` raises; the message names the file.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not TOML ({error})") from error
    try:
        return parse(table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_changed(
    path: Path, parse: Callable[[dict[str, Any]], T], changes: Sequence[str] = ()
) -> T:
    """:func:`read` of a recipe, or of one that the package brings (:func:`brought`), with
    ``changes`` (:func:`changed_length`) in place of what it says; raises what these do."""
    return read(brought(path), lambda table: parse(changed_length(table, changes)))


def check_length(recipe: Any) -> None:
    """ValueError where not exactly one of ``LENGTHS`` is given."""
    if sum(getattr(recipe, name) is not None for name in LENGTHS) != 1:
        raise ValueError(f"{', '.join(LENGTHS)}: give exactly one of the three")


def check_positive(recipe: Any, names: Sequence[str]) -> None:
    """ValueError names the first of the fields that is given and not above 0."""
    for name in names:
        value = getattr(recipe, name)
        if value is not None and value <= 0:
            raise ValueError(f"{name}: expected more than 0, got {value}")


def brought(path: Path) -> Path:
    """``path``, or the recipe of the package that it names without ``.toml``.

    Raises:
        FileNotFoundError: neither; names all recipes of the package.
    """
    own = FOLDER / f"{path}.toml"
    if path.exists() or path.suffix == ".toml":
        return path
    if not own.is_file():
        names = sorted(str(p.relative_to(FOLDER).with_suffix("")) for p in FOLDER.rglob("*.toml"))
        raise FileNotFoundError(
            f"{path}: no such file, and no recipe of the package: {', '.join(names)}"
        )
    return own


def changed_length(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """``changed``, where a changed length takes the place of whichever of the three there is."""
    found = changed(table, changes)
    lengths = {change.partition("=")[0] for change in changes} & set(LENGTHS)
    if lengths:
        found = {k: v for k, v in found.items() if k in lengths or k not in LENGTHS}
    return found


def changed(table: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """``table`` with each ``key=value`` of ``changes`` in it, dots in the key for inner tables.

    A value is TOML; a bare word is text.

    Raises:
        ValueError: there is no ``=``, or the key is no name.
    """
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not re.fullmatch(r"\w+(\.\w+)*", key):
            raise ValueError(f"{change}: expected KEY=VALUE such as steps=600")
        try:
            parsed = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            parsed = value
        *tables, last = key.split(".")
        inner = table
        for name in tables:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise ValueError(f"{change}: {name} is no table of the recipe")
        inner[last] = parsed
    return table


def build(kind: type[T], table: dict[str, Any], choices: Choices, where: str = "") -> T:
    """A dataclass from a table whose keys are its fields.

    Args:
        choices: by names of a class and a field the values that it may take.
        where: what stands before a key in messages.

    Raises:
        ValueError: an unknown or missing key, a value of the wrong type; names the key.
    """
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ValueError(
            f"{where}{unknown[0]}: no such key; known here: {', '.join(sorted(fields))}"
        )
    needed = [
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    for name in needed:
        if name not in table:
            raise ValueError(f"{where}{name}: missing; every recipe needs it")
    values = {name: _value(hints[name], table[name], choices, where + name) for name in table}
    for (owner, name), allowed in choices.items():
        if owner == kind.__name__ and name in values and values[name] not in allowed:
            raise ValueError(
                f"{where}{name}: expected one of {', '.join(allowed)}, got {values[name]!r}"
            )
    return kind(**values)


def _value(hint: Any, value: Any, choices: Choices, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
        return _value(hint, value, choices, where)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a table, got {value!r}")
        return build(typing.cast("type", hint), value, choices, f"{where}.")
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a table, got {value!r}")
        return dict(value)
    if origin is tuple:
        inner = typing.get_args(hint)
        if not isinstance(value, list):
            raise ValueError(f"{where}: expected a list, got {value!r}")
        arms = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(arms) != len(value):
            raise ValueError(f"{where}: expected {len(arms)} values, got {len(value)}")
        return tuple(
            _value(arm, item, choices, where) for arm, item in zip(arms, value, strict=True)
        )
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value}")
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value
