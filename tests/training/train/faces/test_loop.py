"""Runs of a few steps: every method learns, a killed run resumes, two ranks equal one."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.record import Record  # noqa: E402
from pocketvision.training.distill import parts, teacher  # noqa: E402
from pocketvision.training.models import registry  # noqa: E402
from pocketvision.training.models.stored.describe import digest  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.faces import batches, loop, read, train  # noqa: E402

BASE = """
model = "{model}"
steps = {steps}
batch = 8
precision = "float32"
checkpoint_steps = 5
log_steps = 1
keep = "epochs"
{top}
[optimiser]
learning_rate = {rate}
weight_decay = 0.0
[data]
root = "faces"
cache = {cache}
{tables}
"""

ARCFACE = '[margin]\nkind = "arcface"\nscale = 16.0'
SOFTMAX = '[margin]\nkind = "softmax"\nscale = 16.0'
TEACHER = '[embedding]\nloss = "{loss}"\nteachers = ["tiny:teacher.safetensors"]\ncached = {cached}'

METHODS = {
    "arcface": ARCFACE,
    "cosface": ARCFACE.replace("arcface", "cosface"),
    "regression, live": TEACHER.format(loss="regression", cached="false"),
    "template, cached": TEACHER.format(loss="template", cached="true"),
    "angular with arcface": ARCFACE + "\n" + TEACHER.format(loss="angular", cached="false"),
    "osakd": SOFTMAX + "\n[osakd]\nneighbours = 3\nqueue = 16",
    "degraded": "[degrade]\njpeg = 0.5\ncut_out = 0.5\n" + ARCFACE,
    "remembered": TEACHER.format(loss="regression", cached="false")
    + "\nmemory = 20\nrelation = 1.0\nimpostors = 1.0\nhardest = 4",
    "composed": "[views]\ncompose = 0.5\n" + TEACHER.format(loss="regression", cached="false"),
}


class Tiny(nn.Module):
    """Two strided convolutions and a projection to 16 dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 5, 4, 2, bias=False), nn.BatchNorm2d(8), nn.PReLU(8),
            nn.Conv2d(8, 16, 5, 4, 2, bias=False), nn.BatchNorm2d(16), nn.PReLU(16),
        )  # fmt: skip
        self.out = nn.Linear(16 * 7 * 7, 16)

    def forward(self, x):
        return self.out(self.body(x).flatten(1))


@pytest.fixture(autouse=True)
def tiny(monkeypatch) -> None:
    entry = registry.Entry("tiny", Tiny, "none", 16, 112)
    monkeypatch.setitem(registry._ENTRIES, "tiny", entry)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Four people of six pictures each, and a teacher's weights."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(1)
    for person in range(4):
        (root / "faces" / f"p{person}").mkdir(parents=True)
        face = random.integers(0, 256, (7, 7, 3))
        for picture in range(6):
            coarse = np.clip(face + random.normal(0, 25, face.shape), 0, 255).astype(np.uint8)
            whole = Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC)
            whole.save(root / "faces" / f"p{person}" / f"{picture}.png")
    torch.manual_seed(9)
    teacher = Tiny().train()
    with torch.no_grad():
        teacher(torch.randn(16, 3, 112, 112))
    state.save_weights(root / "teacher.safetensors", teacher)
    return root


def recipe(folder: Path, tables: str, *, steps: int = 20, rate: float = 0.05, top: str = "",
           cache: str = "true") -> Path:  # fmt: skip
    path = folder / "recipe.toml"
    text = BASE.format(model="tiny", steps=steps, rate=rate, tables=tables, top=top, cache=cache)
    path.write_text(text)
    return path


def log(out: Path) -> list[dict[str, float]]:
    with open(out / "log.csv", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [{k: v for k, v in row.items() if k != "images/s"} for row in rows]


def test_runs_of_the_same_views_ask_the_teacher_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ensemble = teacher.ensemble

    def counted(teachers, pixels):
        asked.append(len(pixels))
        return ensemble(teachers, pixels)

    monkeypatch.setattr(teacher, "ensemble", counted)
    live = "[views]\ncompose = 0.5\n" + TEACHER.format(loss="regression", cached="false")
    labels = f'\nlabels = "{tmp_path / "labels"}"'
    runs = {}
    for name, tables, rate in (
        ("alone", live, 0.05),
        ("first", live + labels, 0.01),  # another network, so to speak
        ("second", live + labels, 0.05),
    ):
        before = len(asked)
        path = recipe(tmp_path, tables, steps=5, rate=rate)
        runs[name] = train(read(path), data, tmp_path / name).read_bytes(), len(asked) - before
    assert runs["second"][0] == runs["alone"][0] != runs["first"][0]
    assert [runs[name][1] for name in runs] == [6, 6, 1]  # one tells how wide an embedding is
    assert len(list((tmp_path / "labels").glob("*/*.npy"))) == 5
    train(read(path, ["seed=2"]), data, tmp_path / "other")
    assert len(list((tmp_path / "labels").glob("*/*.npy"))) == 10
    next((tmp_path / "labels").glob("*/000000.npy")).write_bytes(b"")
    with pytest.raises(ValueError, match=r"000000.npy: not a .npy file"):
        for seed in (1, 2):
            train(read(path, [f"seed={seed}"]), data, tmp_path / f"again-{seed}")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(method: str, data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, METHODS[method], steps=40)
    weights = train(read(path), data, tmp_path / "run")
    rows = log(tmp_path / "run")
    assert [row["step"] for row in rows] == list(range(1, 41))
    first, last = (np.mean([row["loss"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.8 * first
    if "agreement" in rows[0]:
        assert rows[-1]["agreement"] > rows[0]["agreement"] + 0.1
    state.load_weights(weights, Tiny())
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.full_name == "tiny.run.seed-1"
    assert record.data == "faces: 24 pictures of 4 people"
    assert (record.teacher is None) == ("agreement" not in rows[0])
    assert record.sha256["float_weights"] == digest(weights)
    assert (tmp_path / "run" / "log.png").stat().st_size > 5000
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_multi_step_follows_the_teachers_snapshots(data: Path, tmp_path: Path) -> None:
    teacher = recipe(tmp_path, ARCFACE, steps=9)  # three epochs of 24 pictures
    train(read(teacher), data, data / "teacher-run")
    kept = sorted(path.name for path in (data / "teacher-run" / "snapshots").iterdir())
    assert kept == [f"epoch-00{n}.safetensors" for n in (1, 2, 3)]
    tables = '[embedding]\nloss = "template"\nsnapshots = "tiny:teacher-run"'
    train(read(recipe(tmp_path, tables, steps=9)), data, tmp_path / "student")
    assert len(log(tmp_path / "student")) == 9
    with pytest.raises(FileNotFoundError, match="epoch-004.*keep"):
        train(read(recipe(tmp_path, tables, steps=12)), data, tmp_path / "longer")


def test_generations_start_from_the_last(data: Path, tmp_path: Path) -> None:
    tables = TEACHER.format(loss="angular", cached="false")
    path = recipe(tmp_path, tables, steps=15, top="generations = 2")
    weights = train(read(path), data, tmp_path / "run")
    assert weights == tmp_path / "run" / "generation-2" / "model.safetensors"
    first, second = (log(tmp_path / "run" / f"generation-{n}") for n in (1, 2))
    assert second[0]["rate"] == first[0]["rate"]
    assert second[3]["loss"] < 0.8 * first[3]["loss"]


def test_generations_stop_and_go_on(data: Path, tmp_path: Path) -> None:
    tables = TEACHER.format(loss="angular", cached="false")
    path = read(recipe(tmp_path, tables, steps=6, top="generations = 2"))
    stopped = train(path, data, tmp_path / "run", stop_at=4)
    assert stopped == tmp_path / "run" / "generation-1" / state.LAST and stopped.is_file()
    assert not (tmp_path / "run" / "generation-2").exists()
    weights = train(path, data, tmp_path / "run")
    assert weights.name == "model.safetensors" and weights.is_file()
    order = [
        batches.Order(np.ones(30), seed).rows(4, 0).tolist() for seed in (path.seed, path.seed + 1)
    ]
    assert order[0] != order[1]


@pytest.mark.parametrize("method", ["angular with arcface", "osakd", "composed", "remembered"])
def test_resumed_equals_uninterrupted(method: str, data: Path, tmp_path: Path) -> None:
    path = read(recipe(tmp_path, METHODS[method], steps=12))
    train(path, data, tmp_path / "whole")
    train(path, data, tmp_path / "parts", 7)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    train(path, data, tmp_path / "parts")
    assert log(tmp_path / "parts") == log(tmp_path / "whole")
    one, two = (state.load(tmp_path / name) for name in ("whole", "parts"))
    assert one is not None and two is not None
    for name, value in one["model"].items():
        assert torch.equal(value, two["model"][name]), name


def test_a_mean_of_weights_is_what_a_run_ends_with(data: Path, tmp_path: Path) -> None:
    whole = read(recipe(tmp_path, METHODS["arcface"], steps=12, top="mean = 0.9"))
    plain = read(recipe(tmp_path, METHODS["arcface"], steps=12))
    parts = tmp_path / "parts"
    train(whole, data, parts, 5)
    paths = [train(whole, data, tmp_path / "whole"), train(whole, data, parts)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert train(plain, data, tmp_path / "plain").read_bytes() != paths[0].read_bytes()
    assert log(tmp_path / "plain") == log(tmp_path / "whole")  # it follows, and steers nothing


def test_speed_counts_the_steps_that_ran(data: Path, tmp_path: Path, monkeypatch) -> None:
    """A clock of two seconds a look: one before the first step, one at each row of the log."""
    looks = itertools.count(0, 2)
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)))
    monkeypatch.setattr(loop, "time", clock)
    path = recipe(tmp_path, ARCFACE, steps=11)
    path.write_text(path.read_text().replace("log_steps = 1", "log_steps = 5"))
    for stop in (3, None):
        train(read(path), data, tmp_path / "run", stop)
    with open(tmp_path / "run" / "log.csv", newline="") as file:
        rows = {int(row["step"]): float(row["images/s"]) for row in csv.DictReader(file)}
    assert rows == {3: 3 * 8 / 2, 5: 2 * 8 / 2, 10: 5 * 8 / 2, 11: 1 * 8 / 2}


def test_an_interrupted_teacher_goes_on_where_it_was(data: Path, tmp_path: Path, monkeypatch):
    """The set is embedded before the first step; what was done of it when it stopped is kept."""
    monkeypatch.setattr(parts, "PART", 8)
    whole, rows = teacher.TorchTeacher.__call__, []

    def stopped(self, planes):
        rows.append(len(planes))
        if sum(rows) > 20:
            raise KeyboardInterrupt
        return whole(self, planes)

    path = read(recipe(tmp_path, METHODS["template, cached"], steps=2))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(teacher.TorchTeacher, "__call__", stopped)
        train(path, data, tmp_path / "run")
    kept = [file.name for file in (tmp_path / "run" / "teacher.parts").iterdir()]
    assert kept == ["0-8.npy"]
    train(path, data, tmp_path / "run")
    train(path, data, tmp_path / "whole")
    found, wanted = (np.load(tmp_path / name / "teacher.npy") for name in ("run", "whole"))
    np.testing.assert_array_equal(found, wanted)


def test_a_cached_teacher_is_seen_along_given_directions(data: Path, tmp_path: Path) -> None:
    plain = read(recipe(tmp_path, METHODS["template, cached"], steps=2))
    train(plain, data, tmp_path / "own")
    known = np.load(tmp_path / "own" / "teacher.npy")
    own = teacher.basis(known, registry._ENTRIES["tiny"].embedding)
    assert plain.embedding is not None
    for name, directions in (("same", own), ("mirrored", -own)):
        np.save(tmp_path / f"{name}.npy", directions)
        given = dataclasses.replace(plain.embedding, directions=str(tmp_path / f"{name}.npy"))
        train(dataclasses.replace(plain, embedding=given), data, tmp_path / name)
    assert log(tmp_path / "same") == log(tmp_path / "own")
    assert log(tmp_path / "mirrored")[0]["agreement"] == pytest.approx(
        -log(tmp_path / "own")[0]["agreement"], abs=1e-5
    )


def test_sources_with_weights(data: Path, tmp_path: Path) -> None:
    (data / "few.csv").write_text("path\np0/0.png\np1/1.png\np2/2.png\n")
    two = (
        'cache = {cache}\n[[data.sources]]\nroot = "faces"\n[[data.sources]]\nroot = "faces"\n'
        'list = "few.csv"\nweight = 2.0'
    )
    text = BASE.format(model="tiny", steps=6, rate=0.05, tables=METHODS["composed"], top="",
                       cache="true")  # fmt: skip
    for cache in ("true", "false"):
        path = tmp_path / f"{cache}.toml"
        path.write_text(
            text.replace('root = "faces"\ncache = true', two.format(cache=cache)).replace(
                "[embedding]", '[embedding]\ndirections = "eye.npy"'
            )
        )
        np.save(data / "eye.npy", np.eye(16, dtype=np.float32))
        weights = train(read(path), data, tmp_path / cache)
        record = Record.from_json(weights.with_suffix(".json").read_text())
        assert record.data == "faces + faces x 2: 27 pictures of 7 people"
    same = [(tmp_path / cache / "model.safetensors").read_bytes() for cache in ("true", "false")]
    assert same[0] == same[1]


def test_a_resume_point_of_another_recipe_is_named(data: Path, tmp_path: Path) -> None:
    train(read(recipe(tmp_path, ARCFACE, steps=4)), data, tmp_path / "run", 2)
    other = dataclasses.replace(read(recipe(tmp_path, ARCFACE, steps=4)), model="facechain_25m")
    with pytest.raises(state.CheckpointError, match=r"last\.pt: a resume point of another recipe"):
        train(other, data, tmp_path / "run")


@pytest.mark.parametrize("stop_at", [0, -3])
def test_a_run_cannot_stop_before_it_starts(stop_at: int, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        train(read(recipe(tmp_path, ARCFACE)), data, tmp_path / "run", stop_at)


RUN = """
import sys, torch
torch.set_num_threads(1)
sys.path[:0] = [{here!r}]
import test_loop
from pathlib import Path
from pocketvision.training.models import registry
from pocketvision.training.run import ranks
from pocketvision.training.train.faces import read, train
registry._ENTRIES["tiny"] = registry.Entry("tiny", test_loop.Tiny, "none", 16, 112)
ranks.start()
train(read(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]))
ranks.stop()
"""


def script(folder: Path) -> Path:
    path = folder / "run.py"
    path.write_text(RUN.format(here=str(Path(__file__).parent)))
    return path


def test_a_killed_run_resumes_with_the_same_curve(data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, ARCFACE, steps=60)
    train(read(path), data, tmp_path / "whole")
    command = [sys.executable, str(script(tmp_path)), str(path), str(data), str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / state.LAST).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    train(read(path), data, tmp_path / "run")
    assert log(tmp_path / "run") == log(tmp_path / "whole")


@pytest.mark.parametrize(
    "method",
    [pytest.param("angular with arcface", marks=pytest.mark.full), "remembered", "sharded"],
)
def test_two_ranks_equal_one(method: str, data: Path, tmp_path: Path) -> None:
    tables = ARCFACE + "\nsharded = true" if method == "sharded" else METHODS[method]
    path = recipe(tmp_path, tables, steps=10, top="sync_batch_norm = true")
    train(read(path), data, tmp_path / "one")
    arguments = [path, data, tmp_path / "two"]
    if method == "sharded":
        from .two_ranks import start  # the ranks import this file alone

        start(tmp_path, RUN.format(here=str(Path(__file__).parent)), arguments)
    else:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", str(script(tmp_path)), *map(str, arguments)]
        own = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=own)
        assert done.returncode == 0, done.stderr
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert [row["step"] for row in two] == list(range(1, 11))
    for a, b in zip(one, two, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=2e-3)


def test_a_loss_that_is_not_finite_keeps_the_last_good_state(data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, TEACHER.format(loss="angular", cached="false"), steps=30, rate=1e30)
    with pytest.raises(FloatingPointError, match="not finite|loss is (nan|inf).*lower"):
        train(read(path), data, tmp_path / "run")
    stored = state.load(tmp_path / "run")
    assert stored is None or all(v.isfinite().all() for v in stored["model"].values())


def test_bad_data_stops_at_the_start(data: Path, tmp_path: Path) -> None:
    good = recipe(tmp_path, ARCFACE).read_text()
    cases = {
        'root = "nowhere"': (FileNotFoundError, "nowhere"),
        'root = "faces"\nclasses = 7': (ValueError, "7"),
        'root = "faces"\nsize = 96': (ValueError, "96"),
    }
    for table, (error, message) in cases.items():
        path = tmp_path / "bad.toml"
        path.write_text(good.replace('root = "faces"', table))
        with pytest.raises(error, match=message):
            train(read(path), data, tmp_path / "bad")
    missing = recipe(tmp_path, TEACHER.format(loss="angular", cached="false")).read_text()
    path.write_text(good.replace('"tiny"', '"tinny"'))
    with pytest.raises(ValueError, match=r"^no model named 'tinny'. Did you mean tiny"):
        train(read(path), data, tmp_path / "bad")
    path.write_text(missing.replace("teacher.safetensors", "nobody.safetensors"))
    with pytest.raises(FileNotFoundError, match="nobody"):
        train(read(path), data, tmp_path / "bad2")


@pytest.mark.parametrize(
    ("length", "batch", "total", "epochs"),
    [(24, 8, 9, 3), (22504, 128, 879, 5), (22504, 128, 880, 6), (100, 30, 7, 3), (100, 64, 1, 1)],
)
def test_every_epoch_that_a_student_may_ask_for_leaves_a_snapshot(length, batch, total, epochs):
    """Five epochs of 22,504 pictures are 879 whole batches of 128, and eight pictures."""
    run = SimpleNamespace(batch=batch)
    steps = range(1, total + 1)
    ended = [epoch for step in steps for epoch in loop._ended(run, step, step == total, length)]
    assert ended == list(range(1, epochs + 1))
    assert epochs == math.ceil(total / (length / batch))  # what objective.labeller asks for
