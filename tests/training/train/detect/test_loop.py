"""A detector of a few steps: it learns, resumes bit by bit, says what fails, and becomes int8."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

torch = pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train import detect  # noqa: E402

TEXT = """
task = "face-detection"
model = "facefinder_160"
batch = 4
steps = {steps}
device = "cpu"
precision = "float32"
checkpoint_steps = 2
log_steps = 1
validate_steps = 4
mean = 0.5
[data]
root = "set"
crops = ["crops"]
boxes = "hand"
workers = 0
[views]
smallest = 12
{more}
"""


POINTS = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Forty pictures with a drawn face each, some without, and crops."""
    root, random = tmp_path_factory.mktemp("detect"), np.random.default_rng(3)
    (root / "set" / "pictures").mkdir(parents=True)
    (root / "crops").mkdir()
    Image.new("RGB", (112, 112), (200, 150, 120)).save(root / "crops" / "a.png")
    pictures, rows = [("picture", "source")], []
    for number in range(40):
        name = f"{number}.png"
        image = Image.fromarray(random.integers(0, 80, (96, 120, 3), dtype=np.uint8))
        pictures.append((name, "drawn"))
        if number % 5:
            side = float(random.integers(24, 60))
            x, y = (float(random.integers(0, room - side)) for room in (120, 96))
            draw = ImageDraw.Draw(image)
            draw.ellipse((x, y, x + side, y + side), (230, 180, 150))
            points = [(x + side * u, y + side * v) for u, v in POINTS]
            for u, v in points:
                draw.ellipse((u - 2, v - 2, u + 2, v + 2), (0, 0, 0))
            rows.append((name, "hand", x, y, side, side, *sum(points, ())))
        image.save(root / "set" / "pictures" / name)
    header = [
        "picture",
        "kind",
        "x",
        "y",
        "w",
        "h",
        "lex",
        "ley",
        "rex",
        "rey",
        "nx",
        "ny",
        "lmx",
        "lmy",
        "rmx",
        "rmy",
    ]
    for table, lines in (("pictures", pictures), ("faces", [header, *rows])):
        with open(root / "set" / f"{table}.csv", "w", newline="") as file:
            csv.writer(file).writerows(lines)
    return root


def recipe(folder: Path, steps: int = 4, more: str = "") -> detect.Recipe:
    path = folder / "recipe.toml"
    path.write_text(TEXT.format(steps=steps, more=more))
    return detect.read(path)


def log(out: Path) -> list[dict[str, float]]:
    with open(out / "log.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_it_learns_and_leaves_a_record(data: Path, tmp_path: Path) -> None:
    weights = detect.train(recipe(tmp_path, 24), data, tmp_path / "run")
    rows = log(tmp_path / "run")
    first, last = (np.mean([row["loss"] for row in part]) for part in (rows[:4], rows[-4:]))
    assert last < 0.9 * first
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.task == "face-detection" and record.preprocess["size"] == [128, 160]
    assert record.part.strides == [8, 16, 32] and record.scores[0]["precision"] == "float32"
    assert json.loads(weights.with_suffix(".json").read_text())["architecture"]["height"] == 128
    assert detect.train(recipe(tmp_path, 24), data, tmp_path / "run") == weights


def test_a_resumed_run_is_the_same(data: Path, tmp_path: Path) -> None:
    whole = detect.train(recipe(tmp_path), data, tmp_path / "whole")
    assert detect.train(recipe(tmp_path), data, tmp_path / "halves", 2).name == state.LAST
    halves = detect.train(recipe(tmp_path), data, tmp_path / "halves")
    assert whole.read_bytes() == halves.read_bytes()
    assert [r["loss"] for r in log(tmp_path / "whole")] == [
        r["loss"] for r in log(tmp_path / "halves")
    ]


def test_what_is_wrong_is_said_before_the_first_step(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.onnx: no such model"):
        detect.train(recipe(tmp_path, more='[teacher]\nfile = "none.onnx"'), data, tmp_path / "a")
    path = tmp_path / "recipe.toml"
    path.write_text(TEXT.format(steps=4, more="").replace("facefinder_160", "facechain_25m"))
    with pytest.raises(ValueError, match=r"facechain_25m is a network for face-embedding"):
        detect.train(detect.read(path), data, tmp_path / "a")
    with pytest.raises(FileNotFoundError, match=r"faces\.csv|pictures\.csv"):
        detect.train(recipe(tmp_path), tmp_path, tmp_path / "a")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("steps=0", "steps: expected more than 0"),
        ("mean=1.0", "mean: expected 0 to below 1"),
        ("losses.object=0.0", "losses: expected weights"),
        ("views.mosaic=2.0", "views.mosaic: expected a share"),
        ("data.workers=-1", "data.workers: expected 0 or more"),
        ("optimiser.learning_rate=0.0", "optimiser.learning_rate"),
        ("task=clips", "task: expected one of face-detection"),
    ],
)
def test_mistakes_in_a_recipe(tmp_path: Path, change: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(TEXT.format(steps=4, more=""))
    with pytest.raises(ValueError, match=message):
        detect.read(tmp_path / "recipe.toml", [change])


def test_the_recipe_that_comes_with_the_package() -> None:
    assert detect.read(Path("detect/facefinder_160")).teacher is not None


def test_the_command_trains_it(data: Path, tmp_path: Path) -> None:
    recipe(tmp_path)
    arguments = ["train", str(tmp_path / "recipe.toml"), "--data", str(data)]
    assert cli.main([*arguments, "--out", str(tmp_path / "run"), "--steps", "2"]) == 0
    assert (tmp_path / "run" / state.LAST).is_file()
