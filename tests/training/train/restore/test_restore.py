"""Restoration of a few steps: it learns, resumes bit by bit, ships the best, says what fails."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402
from pocketvision.record.restoration import Restoration  # noqa: E402
from pocketvision.training.data.priors.masks import Masks  # noqa: E402
from pocketvision.training.models.stored.checkpoint import of_run  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.restore import objective, parse, read, train, validate  # noqa: E402

TEXT = """
task = "restoration"
batch = 4
steps = {steps}
discriminator = 4
checkpoint_steps = 4
log_steps = 1
device = "cpu"
recogniser = "mobilefacenet:recogniser.safetensors"
[model]
width = 2
blocks = 1
grid = 28
hourglasses = 1
depth = 2
bottlenecks = 1
norm = "batch"
up = "resize"
parts = 3
[data]
root = "faces"
cache = true
[far]
share = 1.0
smallest = 12
largest = 20
[losses]
image = {image}
domain = {image}
[parsing]
root = "parsing"
rows = 2
parts = 3
[validate]
steps = 2
faces = 6
side = 14
[rates]
generator = {rate}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Sixteen faces, four pictures with masks of three parts, and a recogniser's weights."""
    from pocketvision.training import models

    root, random = tmp_path_factory.mktemp("restore"), np.random.default_rng(3)
    for person in range(4):
        (root / "faces" / f"p{person}").mkdir(parents=True)
        for index in range(4):
            coarse = random.integers(60, 196, (28, 28, 3)).astype(np.uint8)
            whole = Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC)
            whole.save(root / "faces" / f"p{person}" / f"{index}.png")
    for name in ("images", "masks"):
        (root / "parsing" / name).mkdir(parents=True)
    for index in range(4):
        mask = np.zeros((160, 160), np.uint8)
        mask[:80], mask[80:, 80:] = 1, 2
        Image.fromarray(mask).save(root / "parsing" / "masks" / f"{index}.png")
        Image.fromarray(np.stack([mask * 90] * 3, 2)).save(
            root / "parsing" / "images" / f"{index}.jpg"
        )
    torch.manual_seed(1)
    state.save_weights(root / "recogniser.safetensors", models.create("mobilefacenet"))
    return root


def recipe(folder: Path, steps: int = 8, image: float = 0.1, rate: float = 3e-3) -> Path:
    path = folder / "recipe.toml"
    path.write_text(TEXT.format(steps=steps, image=image, rate=rate))
    return path


def log(out: Path) -> list[dict[str, float]]:
    with open(out / "log.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_it_learns_and_ships_the_best(data: Path, tmp_path: Path, monkeypatch) -> None:
    scores = iter([1.0, 9.0, 3.0, 2.0, 2.0, 2.0])
    psnr = validate.psnr

    def made_up(found, wanted):
        real = psnr(found, wanted)
        return real if torch.equal(found, judge_small[0]) else torch.full_like(real, next(scores))

    judge_small: list = []
    start = validate.Judge.__init__

    def kept(self, *rest):
        start(self, *rest)
        judge_small[:] = [self.small]

    monkeypatch.setattr(validate.Judge, "__init__", kept)
    monkeypatch.setattr(validate, "psnr", made_up)
    weights = train(read(recipe(tmp_path, steps=12)), data, tmp_path / "run")
    rows = log(tmp_path / "run")
    assert len(rows) == 12
    assert {"coarse", "pixel", "feature", "parts", "image", "domain", "image told"} < rows[0].keys()
    for name in ("parts", "image told"):
        assert np.mean([row[name] for row in rows[-3:]]) < rows[0][name]
    described = json.loads((tmp_path / "run" / "architecture.json").read_text())
    assert described["psnr"]["best"]["step"] == 4 and described["psnr"]["last"]["step"] == 12
    assert described["architecture"]["width"] == 2
    entry, told = of_run(weights)
    assert told.task == "restoration" and told.part == Restoration(12, 20)
    assert entry.task == told.task and entry.architecture == told.architecture
    last = state.load(tmp_path / "run")
    assert last is not None
    best = state.load_file(weights)
    name = "image.weight"
    assert not torch.equal(best[name], last["generator"][name])
    assert torch.equal(best[name], state.load_file(tmp_path / "run" / "best.safetensors")[name])


def test_resumed_equals_uninterrupted(data: Path, tmp_path: Path) -> None:
    options = read(recipe(tmp_path))
    train(options, data, tmp_path / "whole")
    assert train(options, data, tmp_path / "parts", 3).name == state.LAST
    train(options, data, tmp_path / "parts")
    assert log(tmp_path / "parts") == log(tmp_path / "whole")
    one, two = (state.load(tmp_path / name) for name in ("whole", "parts"))
    assert one is not None and two is not None
    for part in ("generator", "adversaries"):
        for name, value in one[part].items():
            assert torch.equal(value, two[part][name]), name
    for name in ("model.safetensors", "validation.csv"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_command_chooses_by_the_recipes_task(data: Path, tmp_path: Path, capsys) -> None:
    path, out = recipe(tmp_path, steps=2, image=0.0), tmp_path / "run"
    assert cli.main(["train", str(path), "--data", str(data), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out / "model.safetensors")


def test_held_out_faces_are_never_trained_on(data: Path, tmp_path: Path, monkeypatch) -> None:
    from pocketvision.training.train.restore import loop

    seen, order = [], loop.Order
    monkeypatch.setattr(loop, "Order", lambda *rest: seen.append(order(*rest)) or seen[-1])
    train(read(recipe(tmp_path, steps=2, image=0.0)), data, tmp_path / "run")
    rows = {int(row) for step in range(20) for row in seen[0].rows(4, step)}
    assert len(rows) == 10 and (seen[0].weights[list(rows)] > 0).all()


def test_a_loss_that_is_no_number_names_who(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="the generator's loss .* lower its rate"):
        objective.finite({"pixel": torch.tensor(float("nan"))}, "generator", 3, tmp_path)


def test_a_discriminator_that_has_won_is_said_once() -> None:
    watch = objective.Watch()
    lines = [line for _ in range(120) for line in watch.look({"image": 1.0, "domain": 0.6})]
    assert len(lines) == 1 and "discriminator of image" in lines[0]
    watch.look({"image": 0.5})
    assert [line for _ in range(50) for line in watch.look({"image": 1.0})]


def test_masks_keep_their_indices(data: Path, tmp_path: Path) -> None:
    found = Masks(data / "parsing", 56, 3)
    assert found.pictures.shape == (4, 56, 56, 3) and set(np.unique(found.masks)) == {0, 1, 2}
    with pytest.raises(ValueError, match="indices below 2, got shape .* up to 2"):
        Masks(data / "parsing", 56, 2)
    with pytest.raises(FileNotFoundError, match="expected pictures of faces"):
        Masks(tmp_path, 56, 3)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('task = "restoration"', 'task = "faces"', "task: expected one of restoration"),
        ("steps = 8", "steps = 0", "steps: expected more than 0"),
        ("share = 1.0", "share = 0.5", "far.share: expected 1"),
        ("recogniser =", "# recogniser =", "losses.feature: needs a recogniser"),
        ("rows = 2", "rows = 0", "parsing.rows: expected 1"),
        ("side = 14", "side = 140", "validate: expected"),
        ("image = 0.1", "image = -0.1", "losses: expected weights of 0"),
    ],
)
def test_wrong_recipes(before: str, after: str, message: str, tmp_path: Path) -> None:
    path = recipe(tmp_path)
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(ValueError, match=message):
        read(path)
    assert parse is not None


@pytest.mark.parametrize("name", ["fhn_small", "fhn_hour"])
def test_a_recipe_that_is_brought_builds_its_network(name: str) -> None:
    from pocketvision.training import models
    from pocketvision.training.train.restore import loop

    path = Path(loop.__file__).parents[2] / "recipes" / "restore" / f"{name}.toml"
    options = read(path)
    assert f"recipes/restore/{path.name}" in path.read_text()
    built = models.built("fhn", {"family": "fhn", "embedding": 3, **options.model}).make()
    known = models.create("fhn_small").state_dict()
    assert {name: value.shape for name, value in built.state_dict().items()} == {
        name: value.shape for name, value in known.items()
    }
