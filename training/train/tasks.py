"""Which task a recipe is of, and the module that trains it: a folder here a task."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ..run import tables

TASKS = ("faces", "clips")


def task(recipe: Path) -> str:
    """What the recipe's key ``task`` says, ``faces`` without one.

    Raises:
        FileNotFoundError: no such recipe.
        ValueError: not TOML, or no such task; names the file.
    """

    def named(table: dict[str, Any]) -> str:
        found = table.get("task", TASKS[0])
        if found not in TASKS:
            raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {found!r}")
        return str(found)

    return tables.read(tables.brought(recipe), named)


def module(name: str) -> Any:
    """The task's package: its ``read(recipe, changes)`` and ``train(recipe, data, out, steps)``."""
    return import_module(f".{name}", __package__)
