"""Checks of a record's fields, shared by its parts: each ValueError names the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any


def bad(where: str, expected: str, found: object) -> ValueError:
    """A ValueError that names the field, what was expected and what came."""
    return ValueError(f"record field {where!r}: expected {expected}, got {str(found)[:80]!r}")


def is_int(value: object) -> bool:
    """Whether this is an integer and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def text(where: str, value: object, pattern: re.Pattern[str] | None = None) -> None:
    """ValueError unless ``value`` is text, of the pattern if there is one."""
    if not isinstance(value, str):
        raise bad(where, "text", value)
    if pattern is not None and not pattern.fullmatch(value):
        raise bad(where, f"text like {pattern.pattern}", value)


def number(where: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """``value`` as a float; ValueError unless it is a finite number within the bounds."""
    try:
        finite = not isinstance(value, bool) and math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        finite = False
    if not finite or not isinstance(value, int | float):
        raise bad(where, "a finite number", value)
    if not low <= value <= high:
        raise bad(where, f"a number from {low:g} to {high:g}", value)
    return float(value)


def sequence(where: str, value: object, length: int | None = None) -> list[Any]:
    """``value`` as a new list; ValueError for anything else and another length."""
    expected = "a list" if length is None else f"a list of {length}"
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise bad(where, expected, value)
    if length is not None and len(value) != length:
        raise bad(where, expected, value)
    return list(value)


def mapping(where: str, value: object, required: tuple[str, ...]) -> dict[str, Any]:
    """``value`` as a new dictionary; ValueError for anything else and missing keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise bad(where, "an object", value)
    for key in required:
        if key not in value:
            raise ValueError(f"record field {where!r}: {key!r} is missing")
    return dict(value)
