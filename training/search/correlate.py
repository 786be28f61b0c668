"""Whether ratings say which network is better: rank correlation with short real trainings.

Over all networks a count of MACs alone does well, as larger networks are better; a search under a
limit needs to tell those of equal cost apart. So half of the networks are drawn within a band of
one cost, and both figures stand side by side, for the block rating, the proxies, parameters and
MACs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pocketvision.files import write_text

from .. import models
from ..models.inverted import Inverted
from ..run import tables
from ..run.journal import write_rows
from . import proxies, short
from .blockwise import search
from .prices import Prices, opened
from .space import Candidate, Space

CORRELATION = "correlation.json"

Network = tuple[Candidate, ...]

TRIES = 2000
"""Networks drawn for the middle of the band, and for each network within it, at most."""


@dataclass(frozen=True)
class Recipe:
    """``ratings``: the --out of ``search dna``, from the working directory. ``train``: a recipe of
    ``train``, relative to this file.

    ``networks`` are drawn from the space by ``seed``, a ``share`` of them such that their ``cost``
    (``macs``, or what ``table`` measures) is within ``band`` of the space's median. Each is trained
    with all ``seeds``. ``draws`` of the bootstrap.
    """

    ratings: str
    train: str
    networks: int = 24
    share: float = 0.5
    cost: str = "macs"
    band: float = 0.1
    table: str | None = None
    seed: int = 1
    seeds: tuple[int, ...] = (1,)
    draws: int = 2000


def read(path: Path) -> Recipe:
    """The recipe in a TOML file; FileNotFoundError, ValueError."""
    recipe = tables.read(path, parse)
    return replace(recipe, train=str(path.parent / recipe.train))


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError."""
    recipe = tables.build(Recipe, table, {})
    if recipe.networks < 4:
        raise ValueError(f"networks: expected at least 4 to rank, got {recipe.networks}")
    if not 0 <= recipe.share <= 1 or not 0 < recipe.band < 1:
        raise ValueError("share, band: expected 0 to 1")
    if not recipe.seeds or recipe.draws < 1:
        raise ValueError("seeds, draws: expected at least one")
    return recipe


def correlate(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Trains what is not trained yet, and says how well each predictor ranks.

    Returns:
        ``out/correlation.json``; ``out/trained.csv`` where a training was left at ``stop_at``.

    Raises:
        FileNotFoundError, ValueError: ratings, recipe or data are not what they should be.
    """
    short.check(Path(recipe.train))
    searched, rated = search.rated(Path(recipe.ratings))
    costs = opened(recipe.table, data)
    space, seed = searched.space, recipe.seed
    middle = median(space, recipe, costs)
    networks = draw(space, recipe, costs, middle)
    lookup = [dict(block) for block in rated]
    rows: list[dict[str, Any]] = []
    for number, network in enumerate(networks, start=1):
        cost = _cost(space, network, recipe.cost, costs)
        banded = within(cost, middle, recipe.band)
        row = {"name": f"network-{number:02}", "layers": space.architecture(network)["layers"]}
        row |= {"cost": cost, "banded": banded, "scores": predicted(space, network, lookup, seed)}
        rows.append(row)
    named = {
        row["name"]: space.architecture(network)
        for row, network in zip(rows, networks, strict=True)
    }
    out.mkdir(parents=True, exist_ok=True)
    runs = short.train_all(named, Path(recipe.train), recipe.seeds, data, out, stop_at)
    if runs is None:
        return out / short.TRAINED
    for row in rows:
        found = [run.lfw for run in runs if run.name == row["name"]]
        row["lfw"] = float(np.mean(found))
    combined = proxies.combined([row["scores"] for row in rows])
    for row, value in zip(rows, combined, strict=True):
        row["scores"]["combined"] = float(value)
    result = {
        "networks": rows,
        "recipe": asdict(recipe),
        "all": table(rows, recipe.draws, recipe.seed),
        "band": table([row for row in rows if row["banded"]], recipe.draws, recipe.seed),
    }
    _write(out, result)
    print(text(result), file=sys.stderr)
    return out / CORRELATION


def draw(space: Space, recipe: Recipe, costs: Prices, middle: float) -> list[Network]:
    """Different networks of ``space``, first those from everywhere, then those of the band.

    Raises:
        ValueError: the space has too few.
    """
    random = np.random.default_rng(recipe.seed)
    banded = round(recipe.share * recipe.networks)
    found: dict[Network, None] = {}
    tries = 0
    while len(found) < recipe.networks:
        network = space.random(random)
        free = len(found) < recipe.networks - banded
        tries += 1
        if tries > TRIES * recipe.networks:
            raise ValueError(
                f"networks: only {len(found)} of {recipe.networks} different ones were found, with "
                f"{recipe.cost} within {recipe.band:.0%} of {middle:,.0f} for {banded} of them; "
                "lower networks or share, or widen band"
            )
        if free or within(_cost(space, network, recipe.cost, costs), middle, recipe.band):
            found[network] = None
    return list(found)


def within(cost: float, middle: float, band: float) -> bool:
    """Whether ``cost`` is in the band."""
    return abs(cost / middle - 1) <= band


def median(space: Space, recipe: Recipe, costs: Prices) -> float:
    """What networks of ``space`` cost in the middle."""
    random = np.random.default_rng([recipe.seed, 1])
    drawn = [_cost(space, space.random(random), recipe.cost, costs) for _ in range(TRIES)]
    return float(np.median(drawn))


def _cost(space: Space, network: Network, name: str, costs: Prices) -> float:
    return costs.of(space.network(network), [name])[0]


def predicted(
    space: Space, network: Network, rated: Sequence[Mapping[Candidate, float]], seed: int
) -> dict[str, float]:
    """What is said of a network before it is trained: by its blocks' ratings, and by itself.

    More is better, so a rating, which is an error, has a minus.
    """
    torch.manual_seed(seed)
    net = models.built("network", space.architecture(network)).make()
    rating = sum(block[one] for block, one in zip(rated, network, strict=True))
    assert isinstance(net, Inverted)
    return {"rating": -rating, **proxies.scores(net, space.size, seed).named()}


@dataclass(frozen=True)
class Agreement:
    """A rank correlation and the bounds that hold 95 % of the redrawn networks; None: undefined."""

    value: float | None
    low: float | None
    high: float | None


def table(rows: Sequence[Mapping[str, Any]], draws: int, seed: int) -> dict[str, Any]:
    """Of each score Kendall's tau (b) and Spearman's rho with LFW, and how many networks there are.

    The interval is a percentile bootstrap over networks.
    """
    from scipy.stats import kendalltau, spearmanr

    lfw = np.array([row["lfw"] for row in rows])
    names = list(rows[0]["scores"]) if rows else []
    found: dict[str, Any] = {"networks": len(rows)}
    for name in names:
        scores = np.array([row["scores"][name] for row in rows])
        found[name] = {
            kind: asdict(_agreement(statistic, scores, lfw, draws, seed))
            for kind, statistic in (("kendall", kendalltau), ("spearman", spearmanr))
        }
    return found


def _agreement(
    statistic: Any, scores: np.ndarray, lfw: np.ndarray, draws: int, seed: int
) -> Agreement:
    def of(index: np.ndarray) -> float:
        a, b = scores[index], lfw[index]
        if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
            return float("nan")  # all equal: there is no rank
        return float(statistic(a, b).statistic)

    value = of(np.arange(len(lfw))) if len(lfw) > 1 else float("nan")
    if not np.isfinite(value):
        return Agreement(None, None, None)
    random = np.random.default_rng(seed)
    drawn = [of(random.integers(0, len(lfw), len(lfw))) for _ in range(draws)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Agreement(value, float(low), float(high))


def text(result: Mapping[str, Any]) -> str:
    """The table for people: a line a predictor, over all networks and within the band."""
    recipe = result["recipe"]
    band = f"{recipe['cost']} within {recipe['band']:.0%}"
    lines = [
        f"rank correlation with LFW, 95 % interval; all: {result['all']['networks']} networks, "
        f"band ({band}): {result['band']['networks']}",
        f"{'':15}{'tau, all':>22}{'rho, all':>22}{'tau, band':>22}{'rho, band':>22}",
    ]
    for name in (name for name in result["all"] if name != "networks"):
        cells = [
            _cell(result[where].get(name, {}).get(kind))
            for where in ("all", "band")
            for kind in ("kendall", "spearman")
        ]
        lines.append(f"{name:15}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "undefined"
    return f"{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _write(out: Path, result: Mapping[str, Any]) -> None:
    rows = result["networks"]
    head = ["name", "layers", "cost", "banded", *rows[0]["scores"], "lfw"]
    body = [
        [r["name"], r["layers"], r["cost"], int(r["banded"]), *r["scores"].values(), r["lfw"]]
        for r in rows
    ]
    write_rows(out / "networks.csv", [head, *body])
    write_text(out / CORRELATION, json.dumps(result, indent=1) + "\n")
