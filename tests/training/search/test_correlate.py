"""Rank correlation: networks drawn inside and outside a band, and tables of known answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

torch = pytest.importorskip("torch")

from pocketvision.cli import main  # noqa: E402
from pocketvision.training.search import correlate, short  # noqa: E402
from pocketvision.training.search.blockwise.search import rated  # noqa: E402
from pocketvision.training.search.prices import Prices  # noqa: E402
from pocketvision.training.search.space import Block, Space  # noqa: E402


@pytest.fixture
def recipe(ratings: Path, short_recipe: Path):
    def make(**changes) -> correlate.Recipe:
        values = {"ratings": str(ratings), "train": str(short_recipe), "networks": 5, "draws": 50}
        return correlate.parse(values | changes)

    return make


def test_it_trains_in_parts_and_ranks(recipe, data: Path, judged, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    options = recipe(seeds=[1, 2])
    assert correlate.correlate(options, data, out, stop_at=1) == out / "trained.csv"
    assert correlate.correlate(options, data, out) == out / "correlation.json"
    result = json.loads((out / "correlation.json").read_text())
    assert len(judged) == 10 and result["all"]["networks"] == 5
    assert result["band"]["networks"] == sum(row["banded"] for row in result["networks"]) >= 2
    # The stand-in of LFW grows with the parameters, and with nothing else.
    assert result["all"]["parameters"]["kendall"]["value"] == pytest.approx(1.0)
    lfw = [row["lfw"] for row in result["networks"]]
    rating = [row["scores"]["rating"] for row in result["networks"]]
    tau = kendalltau(rating, lfw).statistic
    assert result["all"]["rating"]["kendall"]["value"] == pytest.approx(tau)
    _, blocks = rated(Path(options.ratings))
    lookup = [{str(c): r for c, r in block} for block in blocks]
    for row in result["networks"]:
        layers = row["layers"].split(", ")
        assert -row["scores"]["rating"] == pytest.approx(
            sum(block[text] for block, text in zip(lookup, layers, strict=True))
        )
    said = capsys.readouterr().err
    assert "tau, band" in said and "rating" in said and "combined" in said
    assert (out / "networks.csv").read_text().startswith("name,layers,cost,banded,rating,")


def test_the_table_of_known_ranks() -> None:
    random = np.random.default_rng(0)
    lfw = random.random(40)
    shuffled = np.argsort(np.argsort(lfw)) * 11 % 40  # of ranks: nearly unrelated to them
    rows = [
        {"lfw": float(v), "scores": {"true": float(v), "false": -float(v), "luck": float(luck),
         "flat": 1.0}}
        for v, luck in zip(lfw, shuffled, strict=True)
    ]  # fmt: skip
    found = correlate.table(rows, 300, 1)
    for kind in ("kendall", "spearman"):
        assert found["true"][kind] == pytest.approx({"value": 1.0, "low": 1.0, "high": 1.0})
        assert found["false"][kind]["value"] == pytest.approx(-1.0)
        luck = found["luck"][kind]
        assert luck["low"] < luck["value"] < luck["high"] and luck["low"] < 0 < luck["high"]
        assert found["flat"][kind] == {"value": None, "low": None, "high": None}
    scores = [row["scores"]["luck"] for row in rows]
    assert found["luck"]["spearman"]["value"] == pytest.approx(spearmanr(scores, lfw).statistic)
    assert correlate.table(rows, 300, 1) == found
    assert correlate.table([], 10, 1) == {"networks": 0}
    assert correlate.table(rows[:1], 10, 1)["true"]["kendall"]["value"] is None


def test_half_of_the_networks_are_of_one_cost(recipe) -> None:
    space = Space((Block((16, 32), (1, 2)), Block((32, 48), (1, 2))), size=56)
    options = recipe(networks=24, share=0.5, band=0.1)
    middle = correlate.median(space, options, Prices())
    drawn = correlate.draw(space, options, Prices(), middle)
    assert len(set(drawn)) == 24 and drawn == correlate.draw(space, options, Prices(), middle)
    inside = [
        abs(sum(part.macs for part in space.network(network)) / middle - 1) <= 0.1
        for network in drawn
    ]
    assert all(inside[12:]) and 0 < sum(inside[:12]) < 12
    small = Space((Block((16,), (1,), kernels=(3,)),), size=56)
    with pytest.raises(ValueError, match="only 2 of 24 different ones were found"):
        correlate.draw(small, options, Prices(), correlate.median(small, options, Prices()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": 3}, "networks: expected at least 4 to rank"),
        ({"band": 0.0}, "share, band: expected 0 to 1"),
        ({"seeds": []}, "seeds, draws: expected at least one"),
        ({"tau": 1}, "tau: no such key"),
    ],
)
def test_mistakes_are_named(recipe, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


def test_the_verb(ratings: Path, short_recipe: Path, data: Path, judged, tmp_path, capsys) -> None:
    (tmp_path / "c.toml").write_text(
        f'ratings = "{ratings}"\ntrain = "{short_recipe.name}"\nnetworks = 4\ndraws = 20\n'
    )
    verb = ["search", "correlate", str(tmp_path / "c.toml"), "--data", str(data), "--json"]
    assert main([*verb, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["found"].endswith("correlation.json")


RECIPES = sorted((Path(correlate.__file__).parent / "recipes").glob("correlate*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_checked_in_are_read(path: Path) -> None:
    assert f"training/search/recipes/{path.name}" in path.read_text()
    short.check(Path(correlate.read(path).train))
