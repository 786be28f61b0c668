"""Whether a search found more than luck finds: its networks beside random ones of the same budget.

All are trained the same way. A space that is good all over makes any search look good (Yu et al.,
ICLR 2020, arXiv 1902.08142; Yang et al., ICLR 2020, arXiv 1912.12522), so what counts is the
difference to the mean of random networks, and whether it is more than their spread.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pocketvision.files import write_text

from ..models.cells import NODES, OPERATIONS, Genotype
from ..models.pocketnet import CASIA
from ..run import tables
from ..run.journal import write_rows
from . import short
from .blockwise import search
from .blockwise.outcome import select
from .blockwise.recipe import Budget
from .darts import outcome
from .prices import NAMES, Prices, opened
from .space import Candidate, Space

COMPARED = "compared.json"

TRIES = 2000
"""Networks drawn for each random one, at most."""


@dataclass(frozen=True)
class Blocks:
    """Of ``ratings``, the --out of ``search dna``, the ``best`` networks with ``cost`` (``macs``,
    or what ``table`` measures) of at most ``level``, and within ``budget``.

    Random ones cost at most ``band`` less than ``level``, and are within ``budget`` too.
    """

    ratings: str
    level: float
    cost: str = "macs"
    table: str | None = None
    band: float = 0.1
    budget: Budget = field(default_factory=Budget)
    best: int = 1


@dataclass(frozen=True)
class Cells:
    """``genotype``: a file of ``search darts``. It, that of PocketNet and random ones are built
    with ``layers`` cells, ``channels`` in the first."""

    genotype: str
    channels: int
    layers: int
    embedding: int = 128


@dataclass(frozen=True)
class Recipe:
    """``train``: a recipe of ``train``, relative to this file. ``random`` networks, drawn by
    ``seed``, stand beside those of ``blocks`` or of ``cells``; each is trained with all ``seeds``.
    """

    train: str
    blocks: Blocks | None = None
    cells: Cells | None = None
    random: int = 5
    seed: int = 1
    seeds: tuple[int, ...] = (1, 2)


CHOICES = {("Blocks", "cost"): NAMES}


def read(path: Path) -> Recipe:
    """The recipe in a TOML file; FileNotFoundError, ValueError."""
    recipe = tables.read(path, parse)
    return replace(recipe, train=str(path.parent / recipe.train))


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError."""
    recipe = tables.build(Recipe, table, CHOICES)
    if (recipe.blocks is None) == (recipe.cells is None):
        raise ValueError("expected a table [blocks] or a table [cells], one of both")
    if recipe.random < 2:
        raise ValueError(f"random: expected at least 2, to have a spread, got {recipe.random}")
    if not recipe.seeds:
        raise ValueError("seeds: expected at least one")
    if recipe.blocks is not None:
        if not 0 < recipe.blocks.band < 1:
            raise ValueError(f"blocks.band: expected 0 to 1, got {recipe.blocks.band:g}")
        if recipe.blocks.best < 1 or recipe.blocks.level <= 0:
            raise ValueError("blocks.best, blocks.level: expected more than 0")
        if recipe.blocks.cost in recipe.blocks.budget.given():
            raise ValueError(f"blocks.budget.{recipe.blocks.cost}: level limits it; leave it out")
    return recipe


Named = dict[str, dict[str, Any]]
"""Architectures by name; what stands before the last dash is the group: searched, random ..."""


def compare(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Trains what is not trained yet, and says by how much the search's networks are better.

    Returns:
        ``out/compared.json``; ``out/trained.csv`` where a training was left at ``stop_at``.

    Raises:
        ImpossibleError: no network is within the level and the budget.
        FileNotFoundError, ValueError, CompileError: ratings, genotype, recipe, table or data are
            not what they should be.
    """
    short.check(Path(recipe.train))
    networks = of_cells(recipe) if recipe.blocks is None else of_blocks(recipe, data)
    out.mkdir(parents=True, exist_ok=True)
    runs = short.train_all(networks, Path(recipe.train), recipe.seeds, data, out, stop_at)
    if runs is None:
        return out / short.TRAINED
    rows: list[dict[str, Any]] = []
    for name, architecture in networks.items():
        found = [run.lfw for run in runs if run.name == name]
        group = name.rpartition("-")[0]
        rows.append({"name": name, "group": group, "lfw": found, "architecture": architecture})
    groups = summed_up(rows)
    result = {"networks": rows, "groups": groups, "recipe": asdict(recipe)}
    body = [[row["name"], row["group"], float(np.mean(row["lfw"])), *row["lfw"]] for row in rows]
    seeds = [f"seed {seed}" for seed in recipe.seeds]
    write_rows(out / "compared.csv", [["name", "group", "lfw", *seeds], *body])
    write_text(out / COMPARED, json.dumps(result, indent=1) + "\n")
    print(text(groups, len(recipe.seeds)), file=sys.stderr)
    return out / COMPARED


def of_blocks(recipe: Recipe, data: Path) -> Named:
    """The best by rating, and random ones of the same cost."""
    blocks = recipe.blocks
    assert blocks is not None
    searched, rated = search.rated(Path(blocks.ratings))
    space, costs = searched.space, opened(blocks.table, data)
    limits = blocks.budget.given() | {blocks.cost: blocks.level}
    best = [network for network, _ in select(space, rated, costs, limits, blocks.best)]
    drawn = draw(space, costs, limits, blocks, recipe, set(best))
    named = {f"searched-{number}": one for number, one in enumerate(best, start=1)}
    named |= {f"random-{number}": one for number, one in enumerate(drawn, start=1)}
    return {name: space.architecture(network) for name, network in named.items()}


def draw(
    space: Space, costs: Prices, limits: Mapping[str, float], blocks: Blocks, recipe: Recipe,
    known: set[tuple[Candidate, ...]],
) -> list[tuple[Candidate, ...]]:  # fmt: skip
    """Different random networks that use at least ``1 - band`` of the level, none above a limit.

    Raises:
        ValueError: the space has too few.
    """
    random = np.random.default_rng(recipe.seed)
    found: dict[tuple[Candidate, ...], None] = {}
    for _ in range(TRIES * recipe.random):
        network = space.random(random)
        if network in known:
            continue
        values = dict(zip(limits, costs.of(space.network(network), list(limits)), strict=True))
        if values[blocks.cost] < (1 - blocks.band) * blocks.level:
            continue
        if all(value <= limits[name] for name, value in values.items()):
            found[network] = None
        if len(found) == recipe.random:
            return list(found)
    raise ValueError(
        f"random: only {len(found)} of {recipe.random} networks were found with {blocks.cost} "
        f"within {blocks.band:.0%} below {blocks.level:,.0f} and within the budget; widen "
        "blocks.band"
    )


def of_cells(recipe: Recipe) -> Named:
    """The searched genotype, PocketNet's, and random ones."""
    cells = recipe.cells
    assert cells is not None
    genotypes = {"searched-1": outcome.read(Path(cells.genotype)), "published-1": CASIA}
    random = np.random.default_rng(recipe.seed)
    for number in range(1, recipe.random + 1):
        genotypes[f"random-{number}"] = random_genotype(random)
    sizes = {"channels": cells.channels, "layers": cells.layers, "embedding": cells.embedding}
    return {
        name: {"family": "pocketnet", **sizes, "genotype": one.to_dict()}
        for name, one in genotypes.items()
    }


def random_genotype(random: np.random.Generator) -> Genotype:
    """Cells of two edges a node from different sources, every operator as likely as any other."""

    def cell() -> tuple[tuple[tuple[str, int], ...], ...]:
        return tuple(
            tuple(
                (str(random.choice(OPERATIONS)), int(source))
                for source in sorted(random.choice(node + 2, 2, replace=False))
            )
            for node in range(NODES)
        )

    return Genotype(cell(), cell())


def summed_up(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each group its networks, the mean of their means over seeds and the standard deviation
    between networks (None for one network); of each but random how much better it is.

    ``beats``: the difference to the random mean is above the random networks' spread.
    """
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(float(np.mean(row["lfw"])))
    found: dict[str, dict[str, Any]] = {}
    for name, values in groups.items():
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        found[name] = {"networks": len(values), "mean": float(np.mean(values)), "spread": spread}
    chance = groups["random"]
    for name, one in found.items():
        if name != "random":
            one["difference"] = one["mean"] - found["random"]["mean"]
            one["beats"] = one["difference"] > found["random"]["spread"]
            one["better than"] = sum(one["mean"] > value for value in chance)
    return found


def text(groups: Mapping[str, Mapping[str, Any]], seeds: int) -> str:
    """A line a group, LFW in %; what stands behind ± is the deviation between networks."""
    lines = []
    for name, one in groups.items():
        spread = "" if one["spread"] is None else f" ± {100 * one['spread']:.2f}"
        line = f"{name}: LFW {100 * one['mean']:.2f}{spread} %, {one['networks']} x {seeds} seeds"
        if "beats" in one:
            told = "more" if one["beats"] else "not more"
            line += (
                f"; {100 * one['difference']:+.2f} to random, {told} than their spread; better "
                f"than {one['better than']} of {groups['random']['networks']}"
            )
        lines.append(line)
    return "\n".join(lines)
