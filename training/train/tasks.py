"""Which task a recipe is of, and the package that trains it: a line here a task."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from ..run import tables

FACES = "faces"
TASKS = {FACES: "faces", "clips": "clips", "restoration": "restore", "face-detection": "detect"}
"""By what a recipe's ``task`` says: the folder here."""


def task(recipe: Path) -> str:
    """What the recipe's key ``task`` says, ``faces`` without one.

    Raises:
        FileNotFoundError: no such recipe.
        ValueError: not TOML, or no such task; names the file.
    """

    def named(table: dict[str, Any]) -> str:
        found = table.get("task", FACES)
        if not isinstance(found, str) or found not in TASKS:
            raise ValueError(f"task: expected one of {', '.join(TASKS)}, got {found!r}")
        return found

    return tables.read(tables.brought(recipe), named)


def module(name: str) -> Any:
    """The task's package: its ``read(recipe, changes)`` and ``train(recipe, data, out, steps)``."""
    return import_module(f".{TASKS[name]}", __package__)
