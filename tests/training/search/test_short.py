"""Short trainings: each once, resumed where they were left, never of another network."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.search import short  # noqa: E402

ONE = {"family": "inverted", "layers": "8 k3e3, 12 k3e3", "stem": 8, "head": 16, "embedding": 8}
ONE |= {"size": 32}
TWO = ONE | {"layers": "8 k3e6, 16 k3e3"}


def test_all_are_trained_once(
    data: Path, short_recipe: Path, judged, tmp_path: Path, capsys
) -> None:
    out, networks = tmp_path / "out", {"one": ONE, "two": TWO}
    assert short.train_all(networks, short_recipe, [1, 2], data, out, stop_at=1) is None
    assert (out / "one" / "seed-1" / "last.pt").exists() and not (out / "two" / "seed-1").exists()
    runs = short.train_all(networks, short_recipe, [1, 2], data, out)
    assert runs is not None
    assert [(run.name, run.seed) for run in runs] == [
        ("one", 1), ("two", 1), ("one", 2), ("two", 2)
    ]  # fmt: skip
    sizes = [sum(p.numel() for p in models.built("n", n).make().parameters()) for n in (ONE, TWO)]
    assert [run.lfw for run in runs[:2]] == [0.5 + size / 1e5 for size in sizes]
    assert judged == sizes * 2 and runs[0].steps == 2
    assert "4 of 4 trained: two, seed 2, LFW" in capsys.readouterr().err
    assert short.train_all(networks, short_recipe, [1, 2], data, out) == runs and len(judged) == 4
    with open(out / "trained.csv", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["one", "two", "one", "two"]


def test_results_are_reused_without_weights_and_only_for_the_same_recipe(
    data: Path, short_recipe: Path, judged, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    runs = short.train_all({"one": ONE}, short_recipe, [1], data, first)
    path = second / "one" / "seed-1" / short.RUN
    path.parent.mkdir(parents=True)
    path.write_text((first / "one" / "seed-1" / short.RUN).read_text())
    assert short.train_all({"one": ONE}, short_recipe, [1], data, second) == runs
    assert len(judged) == 1 and [one.name for one in path.parent.iterdir()] == [short.RUN]
    short_recipe.write_text(short_recipe.read_text().replace("batch = 4", "batch = 5"))
    with pytest.raises(ValueError, match=r"run.json: of another recipe \(batch: expected 5, got 4"):
        short.train_all({"one": ONE}, short_recipe, [1], data, second)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"run.json: not the result of a training"):
        short.train_all({"one": ONE}, short_recipe, [1], data, second)


def test_mistakes_are_named(data: Path, short_recipe: Path, judged, tmp_path: Path) -> None:
    out = tmp_path / "out"
    short.train_all({"one": ONE}, short_recipe, [1], data, out, stop_at=1)
    with pytest.raises(
        ValueError, match=r"one.json: a training of another network has begun there"
    ):
        short.train_all({"one": TWO}, short_recipe, [1], data, out)
    text = short_recipe.read_text()
    short_recipe.write_text(text[: text.index("[validate]")])
    with pytest.raises(ValueError, match=r"short.toml: expected a \[validate\] table"):
        short.train_all({"one": ONE}, short_recipe, [1], data, out)
    with pytest.raises(FileNotFoundError):
        short.check(tmp_path / "none.toml")


def test_a_recipe_of_generations_is_refused(short_recipe: Path, data: Path) -> None:
    short_recipe.write_text("generations = 2\n" + short_recipe.read_text())
    with pytest.raises(ValueError, match="short.toml: generations: expected 1, got 2"):
        short.check(short_recipe)


def test_networks_of_a_seed_share_what_the_teacher_said(short_recipe: Path, monkeypatch) -> None:
    found = []

    def train(options, data, folder, stop_at):
        found.append(options.embedding and options.embedding.labels)
        return folder / "last.pt"

    monkeypatch.setattr(short, "train", train)
    short.train_all({"one": ONE}, short_recipe, [1], Path(), short_recipe.parent)
    own = '[margin]\n        kind = "softmax"'
    taught = '[embedding]\n        teachers = ["teacher.onnx"]'
    short_recipe.write_text(short_recipe.read_text().replace(own, taught))
    short.train_all({"one": ONE}, short_recipe, [1], Path(), short_recipe.parent)
    assert found == [None, str(short_recipe.parent / short.LABELS)]
