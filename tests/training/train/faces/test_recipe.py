"""Recipes: those checked in are read, and each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.train import tasks  # noqa: E402
from pocketvision.training.train.faces.recipe import read  # noqa: E402

RECIPES = Path(__file__).resolve().parents[4] / "training" / "recipes"
GOOD = """
model = "mobilefacenet"
steps = 10
batch = 4
phases = [[0.5, 64], [1, 112]]
[data]
root = "faces"
[optimiser]
learning_rate = 1
milestones = [1, 2.5]
[margin]
kind = "combined"
margins = [1, 0.3, 0.2]
"""


FACES = [path for path in sorted(RECIPES.rglob("*.toml")) if tasks.task(path) == "faces"]


@pytest.mark.parametrize("path", FACES, ids=lambda path: path.stem)
def test_every_recipe_checked_in_is_read_and_names_a_model(path: Path) -> None:
    recipe = read(path)
    assert models.entry(recipe.model)
    assert f"recipes/{path.relative_to(RECIPES)}" in path.read_text()


def test_values_arrive_with_their_types(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD)
    recipe = read(path)
    assert recipe.phases == ((0.5, 64), (1.0, 112))
    assert recipe.optimiser.learning_rate == 1.0 and recipe.optimiser.milestones == (1.0, 2.5)
    assert recipe.margin is not None and recipe.margin.margins == (1.0, 0.3, 0.2)
    assert recipe.embedding is None and recipe.views.compose == 0


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("steps = 10", "stepz = 10", "stepz: no such key; known here: .*steps"),
        ("steps = 10", "", "exactly one"),
        ("steps = 10", "steps = 10\nepochs = 2", "exactly one"),
        ("steps = 10", "steps = 0", "steps: expected more than 0"),
        ("batch = 4", 'batch = "4"', "batch: expected int, got '4'"),
        ("batch = 4", "", "batch: missing"),
        ('root = "faces"', 'root = "faces"\nkind = "lmdb"', "data.kind: expected one of folder"),
        ('root = "faces"', "", "data: expected either root or sources"),
        ('root = "faces"', 'root = "faces"\nsources = [{root = "a"}]', "either root or sources"),
        ('root = "faces"', 'list = "a.csv"\nsources = [{root = "a"}]', "stand in each of"),
        ('root = "faces"', 'sources = [{root = "a", weight = 0}]', "weight: expected above"),
        ('root = "faces"', 'sources = [{root="a", kind="shards", aside=true}]', "only folders"),
        ('root = "faces"', 'sources = [{list = "a"}]', "data.sources.root: missing"),
        ("learning_rate = 1", "learning_rate = -1", "learning_rate"),
        ("learning_rate = 1", "learning_rate = nan", "optimiser.learning_rate: .* finite number"),
        ("steps = 10", "epochs = inf", "epochs: expected a finite number, got inf"),
        ("[[0.5, 64], [1, 112]]", "[[0.5, 64], [0.9, 112]]", "rise to 1.0"),
        ("[[0.5, 64], [1, 112]]", "[[0.5, 64, 3]]", "phases: expected 2 values, got 3"),
        ("[1, 0.3, 0.2]", "[1, 0.3]", "margin.margins: expected 3 values"),
        ('[margin]\nkind = "combined"\nmargins = [1, 0.3, 0.2]', "", "nothing to learn"),
        ('[margin]\nkind = "combined"\nmargins = [1, 0.3, 0.2]',
         "[osakd]\n[embedding]\nteachers = ['t.onnx']", "osakd: needs a .margin."),
        ("[margin]", "[osakd]\n[margin]\nsharded = true", "osakd, margin.sharded: "),
        ("[margin]", "[margin]\nsampling = 0.1", "margin.sampling: only a sharded head"),
        ("[margin]", "[margin]\nsharded = true\nsampling = 0", "margin.sampling: expected 0 to 1"),
        ("[margin]", "[embedding]\n[margin]", "either teachers or snapshots"),
        ("[margin]", "[embedding]\nteachers = ['t.onnx']\ncached = true\n[views]\ncompose = 0.5\n"
         "[margin]", "cached = false"),
        ("[margin]", "[embedding]\nteachers = ['t.onnx']\nmemory = 9\n[margin]", "goes with"),
        ("[margin]", "[embedding]\nteachers = ['t.onnx']\nrelation = 9\n[margin]", "goes with"),
        ("steps = 10", "steps = 10\nmean = 1.0", "mean: expected a decay from 0 to below 1"),
        ("[margin]", "[margin", "not TOML"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in GOOD
    path = tmp_path / "r.toml"
    path.write_text(GOOD.replace(before, after))
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_no_text_is_no_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(b"batch = 4 # \xff")
    with pytest.raises(ValueError, match=r"r\.toml: not TOML"):
        read(path)
