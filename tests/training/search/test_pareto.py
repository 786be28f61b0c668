"""The front: levels of a cost, finalists that are trained, references beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.cli import main  # noqa: E402
from pocketvision.training.search import pareto  # noqa: E402
from pocketvision.training.search.space import facechain_parts  # noqa: E402
from pocketvision.training.search.traverse import ImpossibleError  # noqa: E402

LEVELS = [145000.0, 180000.0, 400000.0]


@pytest.fixture
def recipe(ratings: Path, short_recipe: Path):
    def make(**changes) -> pareto.Recipe:
        values = {"ratings": str(ratings), "train": str(short_recipe), "levels": LEVELS}
        values["references"] = [
            {"model": "facechain-25m", "lfw": 0.9755, "costs": {"instructions": 3e7}},
            {"model": "mobilefacenet", "lfw": 0.99},
        ]
        return pareto.parse(values | changes)

    return make


def test_the_front(recipe, data: Path, judged, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = recipe(finalists=2)
    assert pareto.pareto(options, data, out, stop_at=1) == out / "trained.csv"
    with open(out / "front.csv", newline="") as file:
        front = list(csv.DictReader(file))  # there before anything is trained
    assert pareto.pareto(options, data, out) == out / "pareto.json"
    values = json.loads((out / "pareto.json").read_text())
    found = [row for row in values["networks"] if row["rating"] is not None]
    assert [row["name"] for row in front] == [row["name"] for row in found]
    assert len(found) > 1 and len(judged) == len(found)
    for row in found:
        assert row["costs"]["macs"] <= row["level"]
        assert row["lfw"] == pytest.approx(0.5 + row["costs"]["parameters"] / 1e5)
        assert row["scores"]["macs"] == row["costs"]["macs"]
        assert row["scores"]["combined"] <= 0
    # More may be spent at a later level: its best is no worse than the best of an earlier one.
    best = [min(r["rating"] for r in found if r["level"] <= level) for level in LEVELS]
    assert best == sorted(best, reverse=True)
    beside = {row["name"]: row for row in values["networks"] if row["rating"] is None}
    assert beside["facechain_25m"]["lfw"] == 0.9755
    assert beside["facechain_25m"]["costs"]["macs"] == pytest.approx(25e6, rel=0.05)
    assert beside["mobilefacenet"]["front"]  # nothing is as good
    with open(out / "pareto.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(values["networks"]) and rows[-1]["instructions"] == ""
    assert Image.open(out / "pareto.png").size[0] > 800


def test_references_without_a_figure_are_trained(
    recipe, data: Path, judged, tmp_path: Path
) -> None:
    architecture = {"family": "inverted", "layers": "8 k3e3, 8 k3e3", "size": 32, "embedding": 8}
    (tmp_path / "own.json").write_text(json.dumps(architecture))
    options = recipe(references=[{"model": str(tmp_path / "own.json")}], levels=[4e5])
    values = json.loads(pareto.pareto(options, data, tmp_path / "out").read_text())
    own = next(row for row in values["networks"] if row["name"] == "own")
    assert own["seeds"] == 1 and own["lfw"] > 0.5 and len(judged) == 2


def test_a_facechain_is_made_of_parts_that_tables_know() -> None:
    from pocketvision.training import models
    from pocketvision.training.models.count import count

    net = models.create("facechain-125m")
    parts = facechain_parts(net, 112)
    assert sum(part.macs for part in parts) == count(net).macs
    assert sum(part.parameters for part in parts) == count(net).parameters
    assert parts[1].expansion == 2 and parts[-1].key.startswith("head/")


def test_a_cost_that_a_reference_lacks_is_said(recipe, capsys, tmp_path: Path) -> None:
    rows = [
        {"name": "a", "lfw": 0.9, "spread": None, "seeds": 1, "front": True, "rating": 0.3,
         "costs": {"macs": 5.0, "instructions": 7.0}, "scores": {"combined": -1.0}, "layers": ""},
        {"name": "b", "lfw": 0.9, "spread": None, "seeds": 0, "front": False, "rating": None,
         "costs": {"macs": 5.0}, "scores": {}, "layers": ""},
    ]  # fmt: skip
    pareto._write(tmp_path, rows, recipe(cost="instructions"))
    assert "not drawn, as nothing says their instructions: b" in capsys.readouterr().err


def test_who_is_on_the_front() -> None:
    rows = [
        {"costs": {"macs": cost}, "lfw": lfw}
        for cost, lfw in ((1.0, 0.7), (2.0, 0.7), (2.0, 0.9), (3.0, 0.8), (3.0, 0.9), (4.0, 0.95))
    ]
    rows.append({"costs": {}, "lfw": 1.0})
    found = [pareto._on_front(row, rows, "macs") for row in rows]
    assert found == [True, False, True, False, False, True, False]


def test_mistakes_are_named(recipe, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ImpossibleError, match=r"budget.macs: expected at least \d"):
        pareto.pareto(recipe(levels=[1000.0]), data, tmp_path)
    with pytest.raises(
        ValueError, match="instructions: is measured, and the recipe names no table"
    ):
        pareto.pareto(recipe(cost="instructions"), data, tmp_path)
    with pytest.raises(FileNotFoundError, match="no block-wise search has been there"):
        pareto.pareto(recipe(ratings=str(tmp_path / "none")), data, tmp_path)
    with pytest.raises(ValueError, match="budget.macs: is what the levels are of"):
        recipe(budget={"macs": 3.0})
    with pytest.raises(ValueError, match="levels: expected at least one number"):
        recipe(levels=[])
    with pytest.raises(ValueError, match="cost: expected one of macs, parameters"):
        recipe(cost="speed")
    with pytest.raises(ValueError, match="no model named 'facenet'"):
        recipe(references=[{"model": "facenet"}])


def test_the_verb(ratings: Path, short_recipe: Path, data: Path, judged, tmp_path, capsys) -> None:
    (tmp_path / "pareto.toml").write_text(
        f'ratings = "{ratings}"\ntrain = "{short_recipe.name}"\nlevels = [4e5]\n'
    )
    verb = ["search", "pareto", str(tmp_path / "pareto.toml"), "--data", str(data), "--json"]
    verb += ["--out", str(tmp_path / "out")]
    assert main([*verb, "--steps", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["resume"].endswith("trained.csv")
    assert main(verb) == 0
    assert json.loads(capsys.readouterr().out)["found"].endswith("pareto.json")


RECIPES = sorted((Path(pareto.__file__).parent / "recipes").glob("pareto*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_checked_in_are_read(path: Path) -> None:
    from pocketvision.training.search import short

    assert f"training/search/recipes/{path.name}" in path.read_text()
    short.check(Path(pareto.read(path).train))
