"""What a block-wise search leaves: ratings of every cell, and the networks within the budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pocketvision.files import write_text

from ...run.journal import write_rows
from .. import prices
from ..prices import Prices, Rated
from ..space import Candidate, Space
from ..traverse import Found, traverse
from .recipe import Recipe, parse

RATING = "rating.json"
FOUND = "found.json"
ARCHITECTURE = "architecture.json"
"""The best network; a recipe's ``model`` may name this file."""

RECIPE = "recipe.json"
KEYS = "keys.txt"
"""The parts of the space: what a cost table of it has rows for."""

ALWAYS = ("macs", "parameters")


def write_cell(
    out: Path, identity: dict[str, Any], rated: Rated, deviation: float, shift: float,
    seconds: float,
) -> Path:  # fmt: skip
    """Writes ``rating.csv``, the best first, and at last ``rating.json``: the cell is done.

    ``shift``: what training alone added to all ratings.
    """
    ordered = sorted(rated, key=lambda pair: pair[1])
    rows = [[str(candidate), f"{rating:.6f}"] for candidate, rating in ordered]
    write_rows(out / "rating.csv", [["layers", "rating"], *rows])
    values = {
        "identity": identity,
        "deviation": deviation,
        "shift": shift,
        "seconds": round(seconds, 1),
        "ratings": {str(candidate): rating for candidate, rating in rated},
    }
    write_text(out / RATING, json.dumps(values, indent=1) + "\n")
    return out / RATING


def read_cell(out: Path, identity: dict[str, Any] | None = None) -> Rated | None:
    """The ratings of a cell, None where it is not done.

    Raises:
        ValueError: they are of another cell, space or recipe than ``identity``, or no ratings.
    """
    path = out / RATING
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = values["identity"]
        found = [(Candidate.read(text), float(r)) for text, r in values["ratings"].items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the ratings of a cell ({error}); delete it") from None
    if identity is not None and known != identity:
        raise ValueError(
            f"{path}: ratings of another space or recipe ({difference(known, identity)}); give "
            "--out another folder, or delete this one to rate the cell anew"
        )
    return found


def difference(known: Any, wanted: Any) -> str:
    """The first value in which two identities differ."""
    if isinstance(known, dict) and isinstance(wanted, dict):
        for name in [*wanted, *known]:
            if known.get(name) != wanted.get(name):
                return f"{name}: expected {wanted.get(name)}, got {known.get(name)}"
    return f"expected {wanted}, got {known}"


def write_recipe(out: Path, recipe: Recipe) -> None:
    """Writes ``recipe.json``, so that whoever reads the ratings knows their space."""
    write_text(out / RECIPE, json.dumps(_given(asdict(recipe)), indent=1) + "\n")


def read_recipe(out: Path) -> Recipe:
    """The recipe of the search in ``out``.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged, or of another version.
    """
    path = out / RECIPE
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{out}: no block-wise search has been there; ratings names the --out of one, made by "
            "`pocketvision search dna`"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}; run the search again in another folder") from None


def _given(values: Any) -> Any:
    """``values`` without those that are None, which a recipe leaves out."""
    if isinstance(values, dict):
        return {name: _given(value) for name, value in values.items() if value is not None}
    return [_given(value) for value in values] if isinstance(values, list | tuple) else values


def write_keys(out: Path, space: Space) -> None:
    """Writes ``keys.txt``, the parts of ``space``, which ``pocketvision cost --keys`` reads."""
    write_text(out / KEYS, "\n".join(space.part_keys()) + "\n")


def write(out: Path, recipe: Recipe, rated: Sequence[Rated], data: Path, pictures: str) -> Path:
    """Writes the ``recipe.best`` networks within its budget.

    ``architecture.json`` is the best, ``architecture-2.json`` the next; ``found.csv`` has a row
    for each, ``found.json`` also what they come from.

    Raises:
        ImpossibleError: no network is within the budget.
        CompileError: the cost table is missing, or lacks a part of the space.
    """
    budget = recipe.budget.given()
    costs = prices.opened(recipe.table, data)
    found = select(recipe.space, rated, costs, budget, recipe.best)
    rows, networks = [], []
    for number, (candidates, one) in enumerate(found, start=1):
        architecture = recipe.space.architecture(candidates)
        name = ARCHITECTURE if number == 1 else f"architecture-{number}.json"
        write_text(out / name, json.dumps(architecture, indent=1) + "\n")
        networks.append(
            {"file": name, "layers": architecture["layers"], "rating": one.rating}
            | {"costs": dict(one.costs)}
        )
        figures = [f"{value:.0f}" for value in one.costs.values()]
        rows.append([name, f"{one.rating:.6f}", *figures, architecture["layers"]])
    head = ["file", "rating", *found[0][1].costs, "layers"]
    write_rows(out / "found.csv", [head, *rows])
    values = {
        "networks": networks,
        "budget": budget,
        "table": recipe.table,
        "target": costs.table.target if costs.table else None,
        "teacher": recipe.teacher.model,
        "candidates": [len(block) for block in rated],
        "data": pictures,
    }
    write_text(out / FOUND, json.dumps(values, indent=1) + "\n")
    return out / FOUND


def check_budget(recipe: Recipe, data: Path) -> None:
    """Whether any network can be within the budget, known before anything is trained.

    Raises:
        ImpossibleError, ValueError, CompileError: as :func:`select`.
    """
    blocks: list[list[tuple[Candidate, float]]] = [[] for _ in recipe.space.blocks]
    for cell in recipe.space.cells():
        block = blocks[cell.block]
        # Any ratings do; equal ones would have the traversal go through all that tie.
        block += [
            (one, float(len(block) + at)) for at, one in enumerate(recipe.space.candidates(cell))
        ]
    costs = prices.opened(recipe.table, data)
    select(recipe.space, blocks, costs, recipe.budget.given(), names=())


Network = tuple[tuple[Candidate, ...], Found]


def select(
    space: Space, rated: Sequence[Rated], costs: Prices, budget: dict[str, float], k: int = 1,
    names: Sequence[str] = ALWAYS,
) -> list[Network]:  # fmt: skip
    """The ``k`` networks of least summed rating within ``budget``, best first.

    Args:
        names: costs that are told of each, besides those of the budget.

    Raises:
        ImpossibleError: no network is within the budget.
        ValueError, CompileError: a cost is not known, or the table lacks a part.
    """
    axes = prices.limits(budget, names)
    blocks, start = prices.choices(space, rated, costs, axes.names)
    found = traverse(blocks, axes, space.stem, start, k)
    return [
        (tuple(rated[b][index][0] for b, index in enumerate(one.chosen[:-1])), one) for one in found
    ]
