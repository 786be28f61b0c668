"""The best networks for a target: by block rating at each level of a cost, then by real training.

For every level the traversal gives the networks of least rating whose cost is within it, besides
the other limits (arena, flash). These are the finalists: a short real training each says how good
they are, beside reference networks trained the same way.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pocketvision.files import write_text

from .. import models
from ..models.count import count
from ..models.facechain import FaceChain
from ..models.inverted import Inverted
from ..run import tables
from ..run.journal import write_rows
from . import draw, proxies, short
from .blockwise import search
from .blockwise.outcome import ALWAYS, select
from .blockwise.recipe import Budget
from .prices import NAMES, Prices, Rated, opened
from .space import Space, candidates_of, facechain_parts

PARETO = "pareto.json"
FRONT = "front.csv"


@dataclass(frozen=True)
class Reference:
    """A network to stand beside those that are found: a registered ``model``.

    ``costs``: those that are measured, as a target's report says; MACs and parameters are counted.
    ``lfw``: a known accuracy in [0, 1]; without one it is trained as the finalists are.
    """

    model: str
    costs: Budget = field(default_factory=Budget)
    lfw: float | None = None


@dataclass(frozen=True)
class Recipe:
    """``ratings``: the --out of ``search dna``, from the working directory. ``train``: a recipe of
    ``train``, relative to this file.

    ``levels`` of ``cost`` (``macs``, or what ``table`` measures), at each ``finalists`` networks
    within ``budget``, each trained with all ``seeds``.
    """

    ratings: str
    train: str
    levels: tuple[float, ...]
    cost: str = "macs"
    table: str | None = None
    budget: Budget = field(default_factory=Budget)
    finalists: int = 1
    seeds: tuple[int, ...] = (1,)
    references: tuple[Reference, ...] = ()


CHOICES = {("Recipe", "cost"): NAMES}


def read(path: Path) -> Recipe:
    """The recipe in a TOML file; FileNotFoundError, ValueError."""
    recipe = tables.read(path, parse)
    return replace(recipe, train=str(path.parent / recipe.train))


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError."""
    recipe = tables.build(Recipe, table, CHOICES)
    if not recipe.levels or min(recipe.levels) <= 0:
        raise ValueError("levels: expected at least one number, all above 0")
    if recipe.finalists < 1 or not recipe.seeds:
        raise ValueError("finalists, seeds: expected at least one")
    if recipe.cost in recipe.budget.given():
        raise ValueError(f"budget.{recipe.cost}: is what the levels are of; leave it out")
    for reference in recipe.references:
        models.entry(reference.model)
    return recipe


@dataclass(frozen=True)
class Finalist:
    """A network that is trained: its ``rating`` by blocks, costs and proxies; ``level``: 0 for a
    reference, which has no rating."""

    name: str
    layers: str
    level: float
    rating: float | None
    costs: dict[str, float]
    scores: dict[str, float]


def pareto(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Selects, trains what is not trained yet, and draws the front.

    Returns:
        ``out/pareto.json``; ``out/trained.csv`` where a training was left at ``stop_at``.

    Raises:
        ImpossibleError: no network is within the least level and the budget.
        FileNotFoundError, ValueError, CompileError: ratings, recipe, table or data are not what
            they should be.
    """
    short.check(Path(recipe.train))
    searched, rated = search.rated(Path(recipe.ratings))
    space = searched.space
    costs = opened(recipe.table, data)
    found = finalists(recipe, space, rated, costs)
    beside = [_reference(reference, recipe.cost, costs) for reference in recipe.references]
    out.mkdir(parents=True, exist_ok=True)
    _write_front(out, found)
    networks: dict[str, Any] = {}
    for one in found:
        networks[one.name] = space.architecture(candidates_of(one.layers))
    known = {}
    for reference, one in zip(recipe.references, beside, strict=True):
        if reference.lfw is None:
            networks[one.name] = reference.model
        else:
            known[one.name] = reference.lfw
    runs = short.train_all(networks, Path(recipe.train), recipe.seeds, data, out, stop_at)
    if runs is None:
        return out / short.TRAINED
    rows = []
    for one in (*found, *beside):
        scored = [run.lfw for run in runs if run.name == one.name]
        lfw = known[one.name] if one.name in known else float(np.mean(scored))
        spread = float(np.std(scored, ddof=1)) if len(scored) > 1 else None
        rows.append({**asdict(one), "lfw": lfw, "spread": spread, "seeds": len(scored)})
    for row in rows:
        row["front"] = _on_front(row, rows, recipe.cost)
    _write(out, rows, recipe)
    return out / PARETO


def finalists(
    recipe: Recipe, space: Space, rated: Sequence[Rated], costs: Prices
) -> list[Finalist]:
    """The networks of each level, the cheapest level first, each network once."""
    limits = recipe.budget.given()
    names = tuple(dict.fromkeys((*ALWAYS, recipe.cost)))
    found: dict[str, Finalist] = {}
    for level in sorted(recipe.levels):
        budget = limits | {recipe.cost: level}
        for network, one in select(space, rated, costs, budget, recipe.finalists, names):
            architecture = space.architecture(network)
            layers = architecture["layers"]
            if layers in found:
                continue
            torch.manual_seed(0)
            net = models.built("network", architecture).make()
            assert isinstance(net, Inverted)
            scores = proxies.scores(net, space.size).named()
            name = f"found-{len(found) + 1:02}"
            found[layers] = Finalist(name, layers, level, one.rating, dict(one.costs), scores)
    combined = proxies.combined([one.scores for one in found.values()])
    for finalist, value in zip(found.values(), combined, strict=True):
        finalist.scores["combined"] = float(value)
    return list(found.values())


def _reference(reference: Reference, cost: str, costs: Prices) -> Finalist:
    entry = models.entry(reference.model)
    net = entry.make()
    counted = count(net, entry.input_size)
    known = {"macs": float(counted.macs), "parameters": float(counted.parameters)}
    if isinstance(net, FaceChain) and cost not in known:
        # A table may hold its layers; where it does not, the recipe has to say what it costs.
        with contextlib.suppress(ValueError):
            known[cost] = costs.of(facechain_parts(net, entry.input_size), [cost])[0]
    return Finalist(entry.name, "", 0.0, None, known | reference.costs.given(), {})


def _on_front(row: dict[str, Any], rows: Sequence[dict[str, Any]], cost: str) -> bool:
    """Whether no other row costs no more and is no worse, one of both truly."""
    if cost not in row["costs"]:
        return False
    mine = row["costs"][cost], -row["lfw"]
    others = [(o["costs"][cost], -o["lfw"]) for o in rows if cost in o["costs"]]
    return not any(a <= mine[0] and b <= mine[1] and (a, b) != mine for a, b in others)


def _write_front(out: Path, found: Sequence[Finalist]) -> None:
    """What the ratings alone say, before anything is trained."""
    head = ["name", "level", "rating", *found[0].costs, *found[0].scores, "layers"]
    rows = [
        [f.name, f.level, f.rating, *f.costs.values(), *f.scores.values(), f.layers] for f in found
    ]
    write_rows(out / FRONT, [head, *rows])


def _write(out: Path, rows: Sequence[dict[str, Any]], recipe: Recipe) -> None:
    """Writes ``pareto.csv``, ``pareto.png`` and at last ``pareto.json``."""
    names = list(dict.fromkeys(name for row in rows for name in row["costs"]))
    head = ["name", "lfw", "spread", "seeds", "front", "rating", *names, "layers"]
    body = [
        [r["name"], r["lfw"], r["spread"], r["seeds"], int(r["front"]), r["rating"]]
        + [r["costs"].get(name) for name in names]
        + [r["layers"]]
        for r in rows
    ]
    write_rows(out / "pareto.csv", [head, *body])
    lacking = [row["name"] for row in rows if recipe.cost not in row["costs"]]
    if lacking:
        print(
            f"not drawn, as nothing says their {recipe.cost}: {', '.join(lacking)}; give them in "
            "references.costs",
            file=sys.stderr,
        )
    draw.front(out / "pareto.png", rows, recipe.cost)
    values = {"networks": rows, "recipe": asdict(recipe)}
    write_text(out / PARETO, json.dumps(values, indent=1) + "\n")
