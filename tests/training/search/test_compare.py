"""Searched beside random networks: what is drawn, what is trained, and sums of known answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.cli import main  # noqa: E402
from pocketvision.training.models import built  # noqa: E402
from pocketvision.training.models.pocketnet import CASIA  # noqa: E402
from pocketvision.training.search import compare, short  # noqa: E402
from pocketvision.training.search.blockwise.search import rated  # noqa: E402
from pocketvision.training.search.prices import Prices  # noqa: E402
from pocketvision.training.search.space import candidates_of  # noqa: E402


@pytest.fixture
def recipe(ratings: Path, short_recipe: Path):
    def make(**changes) -> compare.Recipe:
        blocks = {"ratings": str(ratings), "level": 2.5e5, "band": 0.4}
        values = {"train": str(short_recipe), "blocks": blocks, "random": 3, "seeds": [1, 2]}
        merged = values | changes
        return compare.parse({name: value for name, value in merged.items() if value is not None})

    return make


def test_the_best_beside_random_ones(recipe, data: Path, judged, tmp_path: Path, capsys) -> None:
    options, out = recipe(), tmp_path / "out"
    assert compare.compare(options, data, out, stop_at=1) == out / "trained.csv"
    assert compare.compare(options, data, out) == out / "compared.json"
    result = json.loads((out / "compared.json").read_text())
    assert len(judged) == 8 and [len(row["lfw"]) for row in result["networks"]] == [2] * 4
    searched, blocks = rated(Path(options.blocks.ratings))
    lookup = [dict(block) for block in blocks]

    def rating(row) -> float:
        layers = candidates_of(row["architecture"]["layers"])
        return sum(block[one] for block, one in zip(lookup, layers, strict=True))

    first, *others = result["networks"]
    assert first["group"] == "searched" and {row["group"] for row in others} == {"random"}
    assert rating(first) < min(map(rating, others))
    for row in others:
        layers = candidates_of(row["architecture"]["layers"])
        macs = sum(part.macs for part in searched.space.network(layers))
        assert 1.5e5 <= macs <= 2.5e5
    said = capsys.readouterr().err
    assert "searched: LFW" in said and "random: LFW" in said and "to random" in said
    assert (out / "compared.csv").read_text().startswith("name,group,lfw,seed 1,seed 2\nsearched-1")


def test_limits_hold_for_random_ones_too(recipe, ratings: Path) -> None:
    free = recipe()
    space, costs = rated(Path(free.blocks.ratings))[0].space, Prices()

    def drawn(most: float, random: int = 3):
        limits = {"macs": 2.5e5, "parameters": most}
        options = recipe(random=random)
        return compare.draw(space, costs, limits, options.blocks, options, set())

    parameters = [costs.of(space.network(one), ["parameters"])[0] for one in drawn(1e9)]
    least = sorted(parameters)[1]
    for one in drawn(least, 2):
        assert costs.of(space.network(one), ["parameters"])[0] <= least
    with pytest.raises(ValueError, match="random: only 0 of 3 networks were found with macs"):
        drawn(10)


def test_a_genotype_beside_the_published_and_random_ones(recipe, tmp_path: Path) -> None:
    (tmp_path / "genotype.json").write_text(json.dumps({"genotype": CASIA.to_dict()}))
    cells = {"genotype": str(tmp_path / "genotype.json"), "channels": 4, "layers": 3}
    options = recipe(blocks=None, cells=cells, random=4)
    networks = compare.of_cells(options)
    assert list(networks) == ["searched-1", "published-1", *(f"random-{i}" for i in range(1, 5))]
    assert networks["searched-1"] == networks["published-1"]
    assert len({json.dumps(one) for one in networks.values()}) == 5
    assert networks == compare.of_cells(options)
    for name, architecture in networks.items():
        net = built(name, architecture).make().eval()
        assert net(torch.zeros(1, 3, 112, 112)).shape == (1, 128)


def test_random_genotypes_are_of_all_operators_and_sources() -> None:
    random = np.random.default_rng(0)
    drawn = [compare.random_genotype(random) for _ in range(200)]
    edges = [edge for one in drawn for node in one.normal for edge in node]
    assert {name for name, _ in edges} == set(compare.OPERATIONS)
    assert {source for one in drawn for _, source in one.reduce[3]} == set(range(5))
    assert all(len({s for _, s in node}) == 2 for one in drawn for node in one.normal)


def test_sums_of_known_answer() -> None:
    rows = [
        {"group": "searched", "lfw": [0.91, 0.93]}, {"group": "random", "lfw": [0.90, 0.90]},
        {"group": "random", "lfw": [0.88, 0.88]}, {"group": "random", "lfw": [0.92, 0.94]},
    ]  # fmt: skip
    found = compare.summed_up(rows)
    assert found["random"] == pytest.approx(
        {"networks": 3, "mean": 2.71 / 3, "spread": np.std([0.90, 0.88, 0.93], ddof=1)}
    )
    best = found["searched"]
    assert best["mean"] == pytest.approx(0.92) and best["spread"] is None
    assert best["difference"] == pytest.approx(0.05 / 3) and best["better than"] == 2
    assert best["beats"] is False  # 1.7 points, and the random ones are 2.5 apart
    rows[0]["lfw"] = [0.95, 0.97]
    assert compare.summed_up(rows)["searched"]["beats"] is True
    assert "more than their spread; better than 3 of 3" in compare.text(
        compare.summed_up(rows), seeds=2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": None}, r"expected a table \[blocks\] or a table \[cells\]"),
        ({"random": 1}, "random: expected at least 2"),
        ({"seeds": []}, "seeds: expected at least one"),
        ({"blocks": {"ratings": "x", "level": 1.0, "band": 1.0}}, "blocks.band: expected 0 to 1"),
        ({"blocks": {"ratings": "x", "level": 0.0}}, "blocks.best, blocks.level: expected more"),
        (
            {"blocks": {"ratings": "x", "level": 1.0, "budget": {"macs": 1.0}}},
            "blocks.budget.macs: level limits it",
        ),
        ({"blocks": {"ratings": "x", "level": 1.0, "cost": "beauty"}}, "expected one of macs"),
    ],
)
def test_mistakes_are_named(recipe, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


def test_the_verb(ratings: Path, short_recipe: Path, data: Path, judged, tmp_path, capsys) -> None:
    (tmp_path / "c.toml").write_text(
        f'train = "{short_recipe.name}"\nrandom = 2\nseeds = [1]\n[blocks]\n'
        f'ratings = "{ratings}"\nlevel = 2.5e5\nband = 0.4\n'
    )
    verb = ["search", "compare", str(tmp_path / "c.toml"), "--data", str(data), "--json"]
    assert main([*verb, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["found"].endswith("compared.json")


RECIPES = sorted((Path(compare.__file__).parent / "recipes").glob("compare*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_checked_in_are_read(path: Path) -> None:
    assert f"training/search/recipes/{path.name}" in path.read_text()
    short.check(Path(compare.read(path).train))
