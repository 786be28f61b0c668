"""The comparison of methods: its recipes are valid, equal in budget, its verdicts careful."""

import json

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.train.faces import evidence, parse  # noqa: E402


@pytest.mark.parametrize("method", evidence.METHODS)
def test_every_method_has_the_same_budget(method, tmp_path):
    recipe, plain = (parse(evidence.table(name, 2, tmp_path)) for name in (method, "arcface"))
    for name in ("epochs", "batch", "phases", "optimiser", "data", "views", "margin"):
        assert getattr(recipe, name) == getattr(plain, name), name
    assert (recipe.model == plain.model) == (method != "teacher")


def test_paths_name_the_runs_folder(tmp_path):
    snapshots = parse(evidence.table("multi-step", 3, tmp_path)).embedding.snapshots
    assert snapshots == f"facechain_125m:{tmp_path}/teacher/seed-1"
    second = parse(evidence.table("recursive-2", 3, tmp_path))
    assert second.start == f"{tmp_path}/recursive-1/seed-3/model.safetensors"
    assert second.seed != parse(evidence.table("recursive-1", 3, tmp_path)).seed


@pytest.mark.parametrize(
    ("scores", "before", "said"),
    [
        ([0.90, 0.91, 0.92], [0.80, 0.81, 0.82], "helps (+10.00, p = 0.00026)"),
        ([0.80, 0.81, 0.82], [0.90, 0.91, 0.92], "hurts (-10.00, p = 0.00026)"),
        ([0.90, 0.91, 0.92], [0.89, 0.90, 0.91], "undecided (+1.00 points, p = 0.29)"),
        ([0.90], [0.80, 0.81, 0.82], "undecided (too few seeds)"),
    ],
)
def test_verdicts(scores, before, said):
    assert evidence.verdict(scores, before) == said


def test_the_table_holds_what_there_is(tmp_path):
    for method, scores in {"arcface": (0.8, 0.81, 0.82), "osakd": (0.9, 0.91, 0.92)}.items():
        for seed, accuracy in enumerate(scores, 1):
            folder = tmp_path / method / f"seed-{seed}"
            folder.mkdir(parents=True)
            (folder / "lfw.json").write_text(json.dumps({"accuracy": accuracy}))
    rows = evidence.report(tmp_path).splitlines()
    assert rows[2:] == [
        "| no distillation: ArcFace | 3 | 81.00 ± 1.00 % |  |  |",
        "| ArcFace + OSAKD | 3 | 91.00 ± 1.00 % | no distillation: ArcFace | "
        "helps (+10.00, p = 0.00026) |",
    ]


def test_a_failed_run_names_its_log_and_stops_those_that_need_it(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "prepare", lambda data, out: None)
    with pytest.raises(RuntimeError, match=r"5 runs failed, see .*teacher.*run\.log"):
        evidence.run_all(tmp_path / "no-data", tmp_path / "runs", seeds=1, jobs=2)
    assert "cache" in (tmp_path / "runs/teacher/seed-1/run.log").read_text()
    assert not (tmp_path / "runs/final").exists()


def test_missing_data_stops_before_the_first_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-data"):
        evidence.run_all(tmp_path / "no-data", tmp_path / "runs", seeds=1, jobs=1)
    assert not (tmp_path / "runs/teacher").exists()


def test_runs_that_others_need_come_first():
    order = evidence.runs(seeds=3)
    assert len(order) == len(set(order)) == 1 + 3 * (len(evidence.METHODS) - 1)
    for run in order:
        assert all(order.index(needed) < order.index(run) for needed in evidence.needs(run)), run
