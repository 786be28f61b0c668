"""The search loop on faces of noise: it learns, resumes bit by bit, and leaves what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.cli import main  # noqa: E402
from pocketvision.training.data.order import Order  # noqa: E402
from pocketvision.training.models.pocketnet import PocketNet  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.search.darts import halves, loop, outcome  # noqa: E402
from pocketvision.training.search.darts.loop import search  # noqa: E402
from pocketvision.training.search.darts.recipe import Recipe, parse, read  # noqa: E402

PEOPLE, EACH = 4, 8


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling the PReLUs of maps this small takes longer than all else here."""
    monkeypatch.setattr(loop, "accelerate", lambda net: net)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    for person in range(PEOPLE):
        (root / "faces" / f"p{person}").mkdir(parents=True)
        face = random.integers(0, 256, (5, 5, 3))
        for picture in range(EACH):
            coarse = np.clip(face + random.normal(0, 10, face.shape), 0, 255).astype(np.uint8)
            whole = Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC)
            whole.save(root / "faces" / f"p{person}" / f"{picture}.png")
    return root


def recipe(**changes) -> Recipe:
    table = {
        "data": {"root": "faces", "cache": True}, "epochs": 3, "batch": 8, "size": 32,
        "channels": 2, "layers": 3, "embedding": 8, "precision": "float32", "log_steps": 1,
        "checkpoint_steps": 1, "weights": {"learning_rate": 0.05},
        "edges": {"learning_rate": 0.05},
    }  # fmt: skip
    return parse(table | changes)


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_a_search_goes_on_as_if_it_had_not_stopped(data: Path, tmp_path: Path) -> None:
    options = recipe(epochs=2, edges={"learning_rate": 0.05, "order": "second"})
    whole = search(options, data, tmp_path / "whole")
    for stop in (1, 3):
        assert search(options, data, tmp_path / "parts", stop) == tmp_path / "parts" / state.LAST
    parts = search(options, data, tmp_path / "parts")
    assert parts.read_text() == whole.read_text()
    states = [state.load(tmp_path / name) for name in ("whole", "parts")]
    assert same(*states)
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1] and len(logs[0].splitlines()) == 1 + 4
    assert search(options, data, tmp_path / "whole") == whole  # done stays done


def test_what_is_left(data: Path, tmp_path: Path) -> None:
    path = search(recipe(edges={"order": "first", "learning_rate": 0.05}), data, tmp_path)
    values = json.loads(path.read_text())
    assert values["data"] == f"{PEOPLE * EACH} pictures of {PEOPLE} people"
    assert values["genotype"] == values["last"]["genotype"] and values["last"]["epoch"] == 3
    assert values["best"]["held_out"] >= values["last"]["held_out"]
    for name in ("weights.png", "cells.png", "log.png"):
        assert Image.open(tmp_path / name).size[0] > 400
    rows = (tmp_path / "epochs.csv").read_text().splitlines()
    assert len(rows) == 4 and rows[0].startswith("epoch,held_out,skips")
    net = PocketNet(4, 4, 16, outcome.read(path)).eval()
    assert net(torch.zeros(1, 3, 112, 112)).shape == (1, 16)


def test_edges_move_and_operators_learn(data: Path, tmp_path: Path) -> None:
    path = search(
        recipe(epochs=8, edges={"warmup": 4.0, "learning_rate": 0.05, "order": "first"}),
        data,
        tmp_path,
    )
    stored = state.load(tmp_path)
    raw = [epoch for epoch in stored["epochs"]]
    assert torch.equal(raw[0], raw[3]) and not torch.equal(raw[3], raw[4])
    rows = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()]
    loss = [float(row[rows[0].index("loss")]) for row in rows[1:]]
    assert np.mean(loss[-4:]) < 0.8 * np.mean(loss[:4])
    assert json.loads(path.read_text())["best"]["held_out"] > 1.5 / PEOPLE


def test_a_resume_point_of_another_space(data: Path, tmp_path: Path) -> None:
    search(recipe(), data, tmp_path, 1)
    with pytest.raises(state.CheckpointError, match="of another search"):
        search(recipe(channels=4), data, tmp_path)


def test_halves() -> None:
    labels = np.array([0] * 5 + [1] + [2] * 4)
    training, validation = halves.split(labels, 3)
    assert sorted([*training, *validation]) == list(range(10))
    assert np.bincount(labels[training]).tolist() == [3, 1, 2]
    assert np.bincount(labels[validation], minlength=3).tolist() == [2, 0, 2]
    with pytest.raises(ValueError, match="nobody has two pictures"):
        halves.split(np.arange(4), 3)
    mine = Order(np.ones(len(training)), 1)
    seen = training[np.concatenate([mine.rows(4, step) for step in range(3)])]
    assert sorted(seen[:6]) == sorted(seen[6:]) == sorted(training)


def test_views_of_the_halves() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 112, 112, 3), dtype=np.uint8)
    plain = halves.plain(pictures, 112)
    np.testing.assert_allclose(plain[0, 2].numpy(), pictures[0, :, :, 2] / 127.5 - 1, atol=1e-6)
    assert halves.plain(pictures, 64).shape == (6, 3, 64, 64)
    moved = halves.augmented(pictures, 112, 1, 5)
    assert moved.shape == plain.shape and torch.equal(moved, halves.augmented(pictures, 112, 1, 5))
    assert not torch.equal(moved, halves.augmented(pictures, 112, 1, 6))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1"),
        ({"size": 100}, "size: expected a multiple of 16"),
        ({"layers": 2}, "layers: expected at least 3"),
        ({"edges": {"order": "third"}}, "edges.order: expected one of first, second"),
        ({"edges": {"learning_rate": 0.0}}, "edges.learning_rate: expected more than 0"),
        ({"width": 3}, "width: no such key"),
    ],
)
def test_mistakes_are_named(changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(**changes)


RECIPES = sorted((Path(loop.__file__).parents[1] / "recipes").glob("darts*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_checked_in_are_read(path: Path) -> None:
    assert read(path).data.root and f"training/search/recipes/{path.name}" in path.read_text()


def test_the_verb(data: Path, tmp_path: Path, capsys) -> None:
    table = """
    epochs = 1
    batch = 8
    size = 32
    channels = 2
    layers = 3
    [data]
    root = "faces"
    cache = true
    [edges]
    order = "first"
    """
    (tmp_path / "small.toml").write_text(table)
    verb = ["search", "darts", str(tmp_path / "small.toml"), "--data", str(data)]
    verb += ["--out", str(tmp_path / "out"), "--json"]
    assert main([*verb, "--steps", "1"]) == 0
    stopped = json.loads(capsys.readouterr().out)
    assert stopped["found"] is None and stopped["resume"].endswith("last.pt")
    assert main(verb) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert found.endswith("genotype.json") and outcome.read(Path(found))
    assert main([*verb, "--steps", "0"]) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"genotype": 3}'])
def test_files_that_are_no_genotype(tmp_path: Path, text: str) -> None:
    path = tmp_path / "genotype.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"genotype\.json: expected a genotype as JSON"):
        outcome.read(path)
