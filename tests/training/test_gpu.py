"""training/gpu.sh on the CPU with a hundred pictures: train by the clock, go on, bring back."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.training import models  # noqa: E402
from pocketvision.training.data import pack  # noqa: E402
from pocketvision.training.data.aside import aside  # noqa: E402
from pocketvision.training.data.folder import Folder  # noqa: E402
from pocketvision.training.data.shards import Shards  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.run.state import save_weights  # noqa: E402
from pocketvision.training.train.faces import read  # noqa: E402

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "training" / "gpu.sh"
RECIPES = sorted((ROOT / "training" / "recipes" / "gpu").glob("*.toml"))
"""Those that travel; the test shortens one of them and leaves the rest as it is."""

SHORTER = {
    "minutes = 4": "minutes = 0.05",
    "batch = 512": "batch = 8",
    "compiled = true": "compiled = false",  # half a minute of a C++ compiler on one core
    "log_steps = 20": "log_steps = 1",
}


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), *map(str, arguments)]
    environment = os.environ | {"PYTHON": sys.executable} | environment
    return subprocess.run(command, text=True, capture_output=True, env=environment)


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    """What ``pack`` would leave: a shard, a teacher, the student's weights, the directions."""
    folder, random = tmp_path_factory.mktemp("parts"), np.random.default_rng(3)
    pictures = tmp_path_factory.mktemp("pictures")
    for index in range(100):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        (pictures / f"p{index % 7}").mkdir(exist_ok=True)
        coarse.resize((112, 112), Image.Resampling.BICUBIC).save(
            pictures / f"p{index % 7}/{index}.jpg"
        )
    shard = folder / "train_112.tar"
    pack.pack(Folder(pictures), shard, 70, keep_aside=False)
    (folder / "train_112.tar.gz").write_bytes(gzip.compress(shard.read_bytes()))
    shard.unlink()
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 7, 16), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(16 * 7 * 7, 256),
    )  # fmt: skip
    export(network.eval(), folder / "mobileface_v2.onnx")
    save_weights(folder / "facechain-25m.safetensors", models.entry("facechain_25m").make())
    directions = np.linalg.qr(random.standard_normal((256, 128)))[0]
    np.save(folder / "mobileface-v2-128.directions.npy", directions.astype(np.float32))
    return folder


def test_a_run_comes_back_and_goes_on(parts: Path, tmp_path: Path) -> None:
    text = (ROOT / "training" / "recipes" / "gpu" / "facechain_25m.toml").read_text()
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    recipe, data = tmp_path / "facechain_25m.toml", tmp_path / "data"
    recipe.write_text(text)
    assert run("unpack", parts, data).returncode == 0
    (first,) = run_once(data, tmp_path / "first", recipe, STEPS="1")
    assert {"last.pt", "log.csv"} <= first.keys() and "model.safetensors" not in first
    (data / "facechain_25m.pt").write_bytes(first["last.pt"])
    for left in (data / "runs").rglob("*"):
        if left.is_file() and left.name != "log.csv":
            left.unlink()
    (second,) = run_once(data, tmp_path / "second", recipe)
    assert {"model.safetensors", "model.json", "last.pt"} <= second.keys()
    steps = [int(row["step"]) for row in csv.DictReader(second["log.csv"].decode().splitlines())]
    assert steps[:2] == [1, 2], "the second call goes on after the first one's step"


def run_once(data: Path, out: Path, *recipes: Path, **environment: str) -> list[dict[str, bytes]]:
    done = run("train", data, out, *recipes, **environment)
    assert done.returncode == 0, done.stderr
    found = []
    for recipe in recipes:
        with tarfile.open(out / f"{recipe.stem}.tar") as archive:
            files = {Path(member.name).name: archive.extractfile(member) for member in archive}
            found.append({name: file.read() for name, file in files.items() if file})
    return found


def test_packed_parts_are_what_a_recipe_reads(parts: Path, tmp_path: Path) -> None:
    """Sources as the data folder has them; the parts hold all but what is kept aside."""
    data, random = tmp_path / "data", np.random.default_rng(4)
    for source, listed, columns in (
        ("train_112", "train_list", ("path", "identity")),
        ("faces_more", "faces_more_list", ("path", "source", "origin")),
        ("faces_extra", "faces_extra_list", ("path", "source", "origin")),
    ):
        (data / source).mkdir(parents=True)
        rows = []
        for index in range(30):
            coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
            coarse.resize((112, 112), Image.Resampling.BICUBIC).save(data / source / f"{index}.png")
            rows.append([f"{index}.png", *(f"p{index % 3}" for _ in columns[1:])])
        with open(data / f"{listed}.csv", "w", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
    (data / "models").mkdir()
    shutil.copy(parts / "mobileface_v2.onnx", data / "models")
    done = run("pack", data, tmp_path / "packed")
    assert done.returncode == 0, done.stderr
    assert "train_112.tar: 30 pictures" in done.stdout and "kept aside" in done.stdout
    assert run("unpack", tmp_path / "packed", tmp_path / "there").returncode == 0
    found = Shards(sorted((tmp_path / "there" / "parts").glob("*.tar")))
    kept = sum(aside(f"{index}.png") for index in range(30))
    assert len(found) == 90 - 2 * kept < 90
    there = {path.name for path in (tmp_path / "there").iterdir()}
    assert {"mobileface_v2.onnx", "mobileface-v2-128.directions.npy"} <= there
    assert {read(recipe).start for recipe in RECIPES} - {None} <= there


def test_a_run_that_fails_says_why_and_brings_back_what_there_is(parts: Path, tmp_path: Path):
    recipe = tmp_path / "broken.toml"
    recipe.write_text('model = "facechain_25m"\nminutes = 0\n')
    assert run("unpack", parts, tmp_path / "data").returncode == 0
    done = run("train", tmp_path / "data", tmp_path / "out", recipe)
    assert done.returncode == 1
    assert "gpu.sh: broken failed:" in done.stderr and "broken.toml: batch: missing" in done.stderr
    assert (tmp_path / "out" / "broken.tar").is_file()


@pytest.mark.parametrize("arguments", [(), ("train", "a", "b"), ("fly", "a", "b")])
def test_a_call_that_is_none_shows_the_verbs(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and "training/gpu.sh pack DATA PARTS" in done.stderr


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_that_travel_find_what_travels(recipe: Path) -> None:
    known = read(recipe)
    assert known.minutes and known.data.kind == "shards" and known.data.resident
    if known.start:
        assert (ROOT / "training" / "weights" / known.start).is_file()
