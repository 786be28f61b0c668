"""``pocketvision search darts RECIPE.toml``: which network to train; resumes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ...errors import InputError
from ..common import Verbs, new_folder, new_verb
from ..text import show, show_json

KINDS = ("darts",)


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "search", run, "Search a network by a recipe; resumes.", "training")
    parser.add_argument("kind", choices=KINDS, help="darts: cells, by gradients")
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument(
        "--out", type=new_folder, required=True, metavar="DIR", help="the search's folder"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("POCKETVISION_DATA"),
        metavar="DIR",
        help="what the recipe's paths are relative to; default $POCKETVISION_DATA",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="stop after step N; resumes later")


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the file that is there: what was found, or a stopped search's state."""
    if arguments.data is None:
        raise InputError("--data: missing; name the folder that the recipe's paths start from")
    if arguments.steps is not None and arguments.steps < 1:
        raise InputError(f"--steps: expected at least 1, got {arguments.steps}")
    from ...training.search.darts import loop, recipe

    options = recipe.read(arguments.recipe)
    found = loop.search(options, Path(arguments.data), arguments.out, arguments.steps)
    done = found.suffix == ".json"
    if arguments.json:
        names = {"found": str(found) if done else None, "resume": None if done else str(found)}
        show_json({"recipe": str(arguments.recipe), **names})
    else:
        show(found)
    return 0
