"""Recipes of clips: those that the package brings are whole, mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.training.models.registry import CLIPS  # noqa: E402
from pocketvision.training.run import tables  # noqa: E402
from pocketvision.training.train import tasks  # noqa: E402
from pocketvision.training.train.clips import made, read  # noqa: E402

BROUGHT = sorted(
    path.relative_to(tables.FOLDER)
    for path in tables.FOLDER.rglob("*.toml")
    if tasks.task(path) == CLIPS
)
GOOD = """
task = "clips"
model = "vtn_small"
steps = 3
batch = 2
[data]
root = "c"
folds = 2
[optimiser]
learning_rate = 0.1
"""


@pytest.mark.parametrize("name", BROUGHT, ids=str)
def test_recipes_of_the_package(name: Path) -> None:
    recipe = read(name.with_suffix(""))
    assert f"clips/{name.stem} " in (tables.FOLDER / name).read_text()
    entry = made.entry(recipe, 2)
    assert entry.task == CLIPS and entry.input_size == recipe.data.size


def test_there_are_some() -> None:
    assert len(BROUGHT) >= 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("batch = 0", "batch: expected more than 0, got 0"),
        ("fold = 3", "fold: expected 1 to data.folds = 2, got 3"),
        ("data.files='tapes'", "data.files: expected one of sheets, frames, videos"),
        ("optimiser.kind='lion'", "optimiser.kind: expected one of adam"),
        ("optimiser.schedule='plateau'", "needs test.epochs"),
        ("distill.teachers=[]", "distill.teachers: expected at least one"),
        ("mean = 1.0", "mean: expected 0 to below 1"),
        ("test.windows = 0", "test: expected at least one window"),
        ("networks.width = 3", "networks: no such key"),
    ],
)
def test_mistakes_are_named(change: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD)
    with pytest.raises(ValueError, match=message):
        read(path, [change.replace(" ", "")])


def test_one_length(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("epochs = 2\n" + GOOD)
    with pytest.raises(ValueError, match="give exactly one of the three"):
        read(tmp_path / "r.toml")
    assert read(tmp_path / "r.toml", ["minutes=1"]).minutes == 1


def test_test_clips_never_choose_the_rate_of_folds(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(GOOD)
    changes = ["optimiser.schedule='plateau'", "test.epochs=1"]
    with pytest.raises(ValueError, match=r"set data\.aside"):
        read(path, changes)
    assert read(path, [*changes, "data.aside=0.1"]).data.aside == 0.1
    with pytest.raises(ValueError, match="not both"):
        read(path, ["start.encoder='imagenet'", "start.network='x'"])
    with pytest.raises(ValueError, match="expected 2, one a teacher, got 1"):
        read(path, ["distill.teachers=['a', 'b']", "distill.weights=[1.0]"])


def test_recipes_without_a_task_are_of_faces() -> None:
    assert tasks.task(Path("own")) == "faces"
    with pytest.raises(FileNotFoundError, match="no recipe of the package"):
        tasks.task(Path("nobodys"))
