"""Runs of a few steps on made clips: they learn, resume, are taught, and nothing leaks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate.clips import protocol, stored  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.clips import loop, read, train  # noqa: E402

from ...data.clips import made  # noqa: E402

BASE = """
task = "clips"
model = "vtn_small"
steps = {steps}
batch = 4
precision = "float32"
checkpoint_steps = 5
log_steps = 1
{top}
[network]
encoder = "chain_10m"
width = 16
blocks = 1
heads = 2
inner = 16
modality = "{modality}"
[data]
root = "clips"
files = "sheets"
frames = 4
stride = 4
size = 32
{data}
[optimiser]
learning_rate = 0.01
{optimiser}
[views]
mirror = 0.0
{tables}
"""
TAUGHT = '[distill]\nteachers = ["teacher", "difference"]\nlabels = 0.0'


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two classes of eight clips, and runs of two folds that can teach."""
    root = tmp_path_factory.mktemp("data")
    made.sheets(root / "clips", 8)
    for name, modality in (("teacher", "rgb"), ("difference", "difference")):
        train(recipe(root, name, modality=modality, steps=6), root, root / name)
    return root


def recipe(folder: Path, name: str = "r", *, steps: int = 6, modality: str = "rgb", top: str = "",
           data: str = "folds = 2", optimiser: str = "", tables: str = ""):  # fmt: skip
    path = folder / f"{name}.toml"
    values = {"steps": steps, "modality": modality, "top": top, "data": data}
    path.write_text(BASE.format(**values, optimiser=optimiser, tables=tables))
    return read(path)


def log(out: Path) -> list[dict[str, float]]:
    with open(out / "log.csv", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return [{k: v for k, v in row.items() if k != "clips/s"} for row in rows]


def test_it_learns_what_happens_over_time(data: Path, tmp_path: Path) -> None:
    run = recipe(tmp_path, modality="difference", steps=60, top="fold = 1")
    weights = train(run, data, tmp_path / "run")
    rows = log(tmp_path / "run" / "fold-1")
    # Medians: a batch of one class has no batch statistics that tell it from the other.
    first, last = (np.median([row["loss"] for row in part]) for part in (rows[:5], rows[-9:]))
    assert last < 0.5 * first
    assert not (tmp_path / "run" / "fold-2").exists()
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.full_name == "vtn-small.run.seed-1.fold-1"
    assert record.part.classes == ["falls", "rises"]
    assert record.part.modality == "difference" and record.preprocess["size"] == [32, 32]
    again = models.built(record.name, record.architecture).make()
    state.load_weights(weights, again)
    videos, _ = stored.read(weights.parent / "predictions.csv")
    assert len(videos.names) == 8
    assert record.scores[0]["accuracy"] == protocol.video_at_1(*videos[:2]).value >= 7 / 8


def test_every_clip_is_judged_once_by_a_network_that_has_not_seen_it(data: Path) -> None:
    folds = [data / "teacher" / f"fold-{n}" for n in (1, 2)]
    judged = [set(stored.read(fold / "predictions.csv")[0].names) for fold in folds]
    trained = [set((fold / "trained.txt").read_text().split()) for fold in folds]
    assert not judged[0] & judged[1] and len(judged[0] | judged[1]) == 16
    assert all(not j & t and len(j | t) == 16 for j, t in zip(judged, trained, strict=True))
    found = json.loads((data / "teacher" / "scores.json").read_text())
    assert found["video_at_1"]["count"] == 16 and len(found["folds"]) == 2
    assert np.sum(found["confusion"]) == 16
    assert (data / "teacher" / "confusion.png").stat().st_size > 2000


def test_resumed_equals_uninterrupted(data: Path, tmp_path: Path) -> None:
    options = {"steps": 7, "top": "mean = 0.9\nfold = 2", "tables": TAUGHT}
    run = recipe(tmp_path, modality="rgb+difference", **options)
    whole = train(run, data, tmp_path / "whole")
    stopped = train(run, data, tmp_path / "parts", 4)
    assert stopped == tmp_path / "parts" / "fold-2" / state.LAST and stopped.is_file()
    assert train(run, data, tmp_path / "parts").read_bytes() == whole.read_bytes()
    assert log(tmp_path / "parts" / "fold-2") == log(whole.parent)


def test_several_modalities_teach_one_stream(data: Path, tmp_path: Path) -> None:
    run = recipe(tmp_path, steps=4, top="fold = 1", tables=TAUGHT)
    weights = train(run, data, tmp_path / "run")
    rows = log(weights.parent)
    assert {"classes", "distilled", "right"} < set(rows[0]) and rows[0]["classes"] == 0
    assert rows[0]["loss"] == pytest.approx(rows[0]["distilled"])
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.teacher == "teacher, difference (temperature 8)"
    assert record.part.modality == "rgb"


def test_a_teacher_that_knows_the_test_clips_is_refused(data: Path, tmp_path: Path) -> None:
    teacher = tmp_path / "teacher"
    for fold in (1, 2):  # each fold's teacher in the other's place
        (teacher / f"fold-{fold}").mkdir(parents=True)
        for name in ("model.json", "model.safetensors", "trained.txt"):
            source = data / "teacher" / f"fold-{3 - fold}" / name
            (teacher / f"fold-{fold}" / name).write_bytes(source.read_bytes())
    tables = f'[distill]\nteachers = ["{teacher}"]'
    with pytest.raises(ValueError, match="trained on 8 of the clips that the student is tested on"):
        train(recipe(tmp_path, top="fold = 1", tables=tables), data, tmp_path / "run")


def test_teachers_that_are_not_there(data: Path, tmp_path: Path) -> None:
    tables = '[distill]\nteachers = ["nobody"]'
    with pytest.raises(FileNotFoundError, match=r"nobody.fold-1: no model\.safetensors"):
        train(recipe(tmp_path, tables=tables), data, tmp_path / "run")
    tables = TAUGHT.replace(', "difference"', "")
    other = recipe(tmp_path, tables=tables, data="folds = 2\nflow = 'nowhere'", modality="flow")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        train(other, data, tmp_path / "flow")
    with pytest.raises(ValueError, match=r"data\.flow: missing"):
        train(recipe(tmp_path, modality="flow"), data, tmp_path / "none")


def test_a_plateau_lowers_the_rate_by_clips_kept_aside(data: Path, tmp_path: Path) -> None:
    options = 'schedule = "plateau"\npatience = 0\nthreshold = 1.0\nkind = "sgd"'
    run = recipe(
        tmp_path, steps=8, top="fold = 1", data="folds = 2\naside = 0.25", optimiser=options,
        tables="[test]\nepochs = 1",
    )  # fmt: skip
    weights = train(run, data, tmp_path / "run")
    rates = [row["rate"] for row in log(weights.parent)]
    assert rates[0] == pytest.approx(0.01)
    assert min(rates) < 0.0011
    with open(weights.parent / "validation.csv", newline="") as file:
        assert [int(float(row["step"])) for row in csv.DictReader(file)] == [2, 3, 5, 6, 8]
    kept = (weights.parent / "trained.txt").read_text().split()
    assert len(kept) == 8  # those that chose count as seen


def test_one_test_set_of_a_list(data: Path, tmp_path: Path) -> None:
    rows = ["path,label,part"]
    for side in ("falls", "rises"):
        rows += [
            f"{side}/{side}{n:02d}.png,{side},{'test' if n < 2 else 'train'}" for n in range(8)
        ]
    (data / "list.csv").write_text("\n".join(rows) + "\n")
    run = recipe(tmp_path, steps=3, data='lists = "csv"\nlist = "list.csv"')
    weights = train(run, data, tmp_path / "run")
    assert weights == tmp_path / "run" / "model.safetensors"
    found = stored.result(tmp_path / "run")
    assert found.video_at_1.count == 4 and found.std == 0


def test_clips_that_cannot_be_read_are_named_and_not_scored(data, tmp_path, capsys) -> None:
    made.sheets(tmp_path / "clips", 4)
    (tmp_path / "clips" / "falls" / "falls01.png").write_bytes(b"broken")
    train(recipe(tmp_path, steps=4), tmp_path, tmp_path / "run")
    told = capsys.readouterr().err
    assert "skipped: " in told and "not scored: " in told and "falls01.png" in told
    assert stored.result(tmp_path / "run").video_at_1.count == 7
    records = [Record.from_json(p.read_text()) for p in (tmp_path / "run").glob("*/model.json")]
    assert any("1 more cannot be read" in r.scores[0]["protocol"] for r in records)


def test_a_loss_that_is_not_finite_stops(data: Path, tmp_path: Path) -> None:
    run = recipe(tmp_path, steps=30, top="fold = 1", optimiser='kind = "sgd"\nclip = 1e30')
    object.__setattr__(run.optimiser, "learning_rate", 1e30)
    with pytest.raises(FloatingPointError, match="loss is (nan|inf).*lower"):
        train(run, data, tmp_path / "run")


def test_weights_of_another_set_start_a_run(data: Path, tmp_path: Path) -> None:
    start = '[start]\nnetwork = "teacher/fold-1/model.safetensors"'
    weights = train(recipe(tmp_path, steps=1, top="fold = 1", tables=start), data, tmp_path / "run")
    record = Record.from_json(weights.with_suffix(".json").read_text())
    assert record.data.endswith("from the network teacher/fold-1/model.safetensors")


def test_a_model_of_another_task(data: Path, tmp_path: Path) -> None:
    run = recipe(tmp_path)
    object.__setattr__(run, "model", "facechain-25m")
    with pytest.raises(ValueError, match="a network for face-embedding, not for clips.*vtn_small"):
        train(run, data, tmp_path / "run")


def test_several_processes_are_refused(data: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(loop.ranks, "world", lambda: 2)
    with pytest.raises(ValueError, match="one fold on each machine"):
        train(recipe(tmp_path), data, tmp_path / "run")


def test_the_command_takes_the_task_from_the_recipe(data: Path, tmp_path: Path, capsys) -> None:
    recipe(tmp_path, steps=2)
    arguments = ["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run"), "--data",
                 str(data), "--set", "fold=1"]  # fmt: skip
    assert cli.main([*arguments, "--json"]) == 0
    weights = tmp_path / "run" / "fold-1" / "model.safetensors"
    assert json.loads(capsys.readouterr().out)["weights"] == str(weights)
    (tmp_path / "points.csv").write_text("")
    assert cli.main([*arguments, "--landmarks", str(tmp_path / "points.csv")]) == 2
    assert "--landmarks: only faces have them" in capsys.readouterr().err
    path = tmp_path / "r.toml"
    path.write_text(path.read_text().replace('"clips"', '"clip"', 1))
    assert cli.main(arguments) == 2
    assert (
        "task: expected one of faces, clips, restoration, face-detection, got 'clip'"
        in capsys.readouterr().err
    )
