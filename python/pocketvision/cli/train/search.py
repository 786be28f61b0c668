"""``pocketvision search KIND RECIPE.toml``: which network to train; resumes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from ...errors import InputError
from ..common import Verbs, new_folder, new_verb
from ..text import show, show_json

KINDS = {
    "darts": "cells, by gradients",
    "dna": "blocks of inverted residuals, by a teacher's features",
    "pareto": "the best at each cost, by what dna rated and short trainings",
    "correlate": "whether ratings rank as short trainings do",
    "compare": "whether what was found is better than random networks of its cost",
}


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "search", run, "Search a network by a recipe; resumes.", "training")
    parser.add_argument(
        "kind", choices=KINDS, help="; ".join(f"{k}: {v}" for k, v in KINDS.items())
    )
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
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="stop after step N (of each cell, of the training under way); resumes later",
    )


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the file that is there: what was found, or a stopped search's state."""
    if arguments.data is None:
        raise InputError("--data: missing; name the folder that the recipe's paths start from")
    if arguments.steps is not None and arguments.steps < 1:
        raise InputError(f"--steps: expected at least 1, got {arguments.steps}")
    found = _search(arguments.kind)(
        arguments.recipe, Path(arguments.data), arguments.out, arguments.steps
    )
    done = found.suffix == ".json"
    if arguments.json:
        names = {"found": str(found) if done else None, "resume": None if done else str(found)}
        show_json({"recipe": str(arguments.recipe), **names})
    else:
        show(found)
    return 0


Search = Callable[[Path, Path, Path, int | None], Path]
"""Of a recipe's file, the data's folder, the search's folder and the step to stop after."""


def _search(kind: str) -> Search:
    """The search of a kind, imported as it is asked for."""
    if kind == "darts":
        from ...training.search.darts import loop, recipe

        return lambda file, *rest: loop.search(recipe.read(file), *rest)
    if kind == "dna":
        from ...training.search.blockwise import recipe as blocks
        from ...training.search.blockwise.search import search as blockwise

        return lambda file, *rest: blockwise(blocks.read(file), *rest)
    if kind == "pareto":
        from ...training.search import pareto

        return lambda file, *rest: pareto.pareto(pareto.read(file), *rest)
    if kind == "compare":
        from ...training.search import compare

        return lambda file, *rest: compare.compare(compare.read(file), *rest)
    from ...training.search import correlate

    return lambda file, *rest: correlate.correlate(correlate.read(file), *rest)
