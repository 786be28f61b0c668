"""A block-wise search of noise: it resumes bit by bit on any engine, and leaves what it says."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.cli import main  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.search.blockwise import job, outcome  # noqa: E402
from pocketvision.training.search.blockwise.job import Job, run, split  # noqa: E402
from pocketvision.training.search.blockwise.recipe import parse, read  # noqa: E402
from pocketvision.training.search.blockwise.search import rated, search  # noqa: E402
from pocketvision.training.search.space import Candidate  # noqa: E402
from pocketvision.training.search.traverse import ImpossibleError  # noqa: E402


@pytest.fixture(scope="module")
def whole(data: Path, table: dict, tmp_path_factory) -> Path:
    """A search that was never stopped."""
    out = tmp_path_factory.mktemp("whole")
    assert search(parse(table), data, out) == out / "found.json"
    return out


def values(out: Path) -> dict:
    files = sorted(out.glob("cells/*/rating.json"))
    return {f.parent.name: json.loads(f.read_text())["ratings"] for f in files}


def test_what_is_left(whole: Path, table: dict, data: Path) -> None:
    ratings = values(whole)
    assert {name: len(found) for name, found in ratings.items()} == {
        "block-1-w8-d1": 2, "block-1-w8-d2": 4, "block-1-w12-d1": 2, "block-1-w12-d2": 4,
        "block-2-w12-d2": 16,
    }  # fmt: skip
    assert all(0 < rating < 20 for found in ratings.values() for rating in found.values())
    best = min(ratings["block-2-w12-d2"].items(), key=lambda pair: pair[1])
    with open(whole / "cells" / "block-2-w12-d2" / "rating.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["layers"] == best[0] and len(rows) == 16
    found = json.loads((whole / "found.json").read_text())
    assert found["data"] == "72 pictures, 24 of them to rate by"
    assert found["candidates"] == [12, 16]
    least = sorted(
        a + b
        for a in [
            r for name in list(ratings)[:] if "block-1" in name for r in ratings[name].values()
        ]
        for b in ratings["block-2-w12-d2"].values()
    )[:3]
    assert [one["rating"] for one in found["networks"]] == pytest.approx(least)
    for one in found["networks"]:
        net = models.create(str(whole / one["file"]))
        assert sum(p.numel() for p in net.parameters()) == one["costs"]["parameters"]
    keys = (whole / "keys.txt").read_text().split()
    assert "stem/3-8/k3s2/32/relu" in keys and "head/12-16-8/gdc/4/relu" in keys
    recipe, blocks = rated(whole)
    assert recipe == parse(table) and [len(block) for block in blocks] == [12, 16]


def test_a_search_goes_on_as_if_it_had_not_stopped(
    whole: Path, data: Path, table: dict, tmp_path: Path
) -> None:
    recipe = parse(table)
    for stop in (1, 3, 5):
        assert search(recipe, data, tmp_path, stop) == tmp_path / "cells"
        with pytest.raises(FileNotFoundError, match="not all cells are rated yet"):
            rated(tmp_path)
    search(recipe, data, tmp_path)
    assert values(tmp_path) == values(whole)
    assert (tmp_path / "found.csv").read_text() == (whole / "found.csv").read_text()


def test_a_rating_goes_on_where_it_was(
    whole: Path, data: Path, table: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = parse(table)
    one = Job(recipe, data, tmp_path, recipe.space.cells()[-1])
    rate, asked = job.ratings, []

    def failing(*arguments):
        asked.append(arguments[4])
        if len(asked) == 3:
            raise KeyboardInterrupt
        return rate(*arguments)

    monkeypatch.setattr(job, "ratings", failing)
    with pytest.raises(KeyboardInterrupt):
        run(one)
    assert run(one) == one.folder / "rating.json"
    assert asked == [0, 1, 2, 2, 3]
    assert values(tmp_path)[one.cell.name] == values(whole)[one.cell.name]
    assert run(one) == one.folder / "rating.json" and len(asked) == 5  # done stays done


def test_only_what_is_not_done_is_done(
    whole: Path, data: Path, table: dict, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(whole, out)
    (out / "cells" / "block-1-w8-d2" / "rating.json").unlink()
    before = {f: f.stat().st_mtime_ns for f in out.glob("cells/*/rating.json")}
    search(parse(table), data, out)
    assert values(out) == values(whole)
    assert all(f.stat().st_mtime_ns == time for f, time in before.items())
    said = capsys.readouterr().err
    assert "block-1-w8-d2 rated; about 0 min left" in said and "block-2" not in said


def test_other_processes_find_the_same(
    whole: Path, data: Path, table: dict, tmp_path: Path
) -> None:
    search(parse(table | {"workers": 2}), data, tmp_path)
    assert values(tmp_path) == values(whole)


@pytest.mark.deep
def test_a_cluster_finds_the_same(whole: Path, data: Path, table: dict, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        search(parse(table | {"engine": "ray"}), data, tmp_path)
        assert values(tmp_path) == values(whole)
        (tmp_path / "cells" / "block-2-w12-d2" / "rating.json").unlink()
        with pytest.raises(state.CheckpointError, match="steps: expected 7, got 6"):
            shutil.rmtree(tmp_path / "cells" / "block-1-w8-d1")
            for path in tmp_path.glob("cells/*/rating.json"):
                path.unlink()
            search(parse(table | {"engine": "ray", "steps": 7}), data, tmp_path)
    finally:
        ray.shutdown()


def test_the_best_alone_moves_all_ratings_of_its_cell(
    whole: Path, data: Path, table: dict, tmp_path: Path
) -> None:
    recipe = parse(table | {"alone": 30})
    one = Job(recipe, data, tmp_path, recipe.space.cells()[-1])
    stored = json.loads(run(one).read_text())
    before = values(whole)[one.cell.name]
    assert stored["shift"] < -0.01
    assert stored["ratings"] == pytest.approx({n: r + stored["shift"] for n, r in before.items()})
    first = json.loads((whole / "cells" / one.cell.name / "rating.json").read_text())
    assert first["shift"] == 0
    with pytest.raises(ValueError, match="alone: expected 0, got 30"):
        run(Job(parse(table), data, tmp_path, recipe.space.cells()[-1]))
    with pytest.raises(ValueError, match="alone: expected 0 or more, got -1"):
        parse(table | {"alone": -1})


def test_a_supernet_learns(data: Path, table: dict, tmp_path: Path) -> None:
    recipe = parse(table | {"steps": 60, "checkpoint_steps": 60})
    run(Job(recipe, data, tmp_path, recipe.space.cells()[1]))
    with open(tmp_path / "cells" / "block-1-w8-d2" / "log.csv", newline="") as file:
        loss = [float(row["relative"]) for row in csv.DictReader(file)]
    assert np.mean(loss[-10:]) < 0.7 * np.mean(loss[:10])


def test_budgets(whole: Path, data: Path, table: dict) -> None:
    recipe, blocks = rated(whole)
    from pocketvision.training.search.prices import Prices

    every = []
    for (first, one), (second, two) in itertools.product(*blocks):
        parts = recipe.space.network((first, second))
        every.append((sum(part.macs for part in parts), one + two))
    limit = float(np.median([macs for macs, _ in every]))
    ((network, found),) = outcome.select(recipe.space, blocks, Prices(), {"macs": limit}, 1)
    fitting = [rating for macs, rating in every if macs <= limit]
    assert 0 < len(fitting) < len(every) and found.rating == pytest.approx(min(fitting))
    assert found.costs["macs"] == sum(part.macs for part in recipe.space.network(network)) <= limit
    with pytest.raises(ImpossibleError, match=r"budget.macs: expected at least \d.*\(8 k3e3, 12 k"):
        outcome.select(recipe.space, blocks, Prices(), {"macs": 1000}, 1)


def test_another_space_is_refused(whole: Path, data: Path, table: dict, tmp_path: Path) -> None:
    recipe = parse(table)
    cell = recipe.space.cells()[0]
    run(Job(recipe, data, tmp_path, cell, stop_at=2))
    blocks = [dict(block) for block in table["space"]["blocks"]]
    blocks[0]["kernels"] = [3, 7]
    other = parse(table | {"space": table["space"] | {"blocks": blocks}})
    with pytest.raises(
        state.CheckpointError, match=r"last.pt: a supernet of another space.*block:"
    ):
        run(Job(other, data, tmp_path, cell))
    with pytest.raises(
        ValueError, match=r"rating.json: ratings of another space or recipe \(block:"
    ):
        run(Job(other, data, whole, cell))
    before = (whole / "recipe.json").read_text()
    with pytest.raises(ValueError, match="ratings of another space or recipe"):
        search(other, data, whole)
    assert (whole / "recipe.json").read_text() == before
    # What the cell does not depend on may change.
    blocks = [dict(block) for block in table["space"]["blocks"]]
    blocks[0]["widths"] = [8]
    blocks[1]["depths"] = [1, 2]
    wider = parse(table | {"space": table["space"] | {"blocks": blocks}, "budget": {"macs": 1e9}})
    assert run(Job(wider, data, whole, cell)) == whole / "cells" / cell.name / "rating.json"


def test_a_folder_of_no_search(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no block-wise search has been there"):
        rated(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(ValueError, match="recipe.json: data: missing"):
        rated(tmp_path)
    (tmp_path / "rating.json").write_text("[1]")
    with pytest.raises(ValueError, match="not the ratings of a cell"):
        outcome.read_cell(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps: expected at least 1"),
        ({"judged": 70}, "expected at least 78 pictures, 70 to judge by and a batch of 8, got 72"),
        ({"engine": "dask"}, "engine: expected one of joblib, ray, got 'dask'"),
        ({"address": "auto"}, 'address: is of a ray cluster; set engine = "ray"'),
        ({"learning_rate": [0.1, 0.2, 0.3]}, "learning_rate: expected 1 or 2 numbers"),
        ({"budget": {"cost": 3.0}}, "budget.cost: no such key"),
        ({"budget": {"instructions": 1e6}}, "instructions: is measured, and the recipe names no"),
        ({"budget": {"macs": 1000.0}}, r"budget.macs: expected at least \d.*cheapest network of"),
        ({"table": "none.json"}, "none.json: no such table of costs"),
        ({"workers": -1}, "workers: expected 0 or more"),
    ],
)
def test_mistakes_are_named(data: Path, table: dict, tmp_path: Path, changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search(parse(table | changes), data, tmp_path)
    assert not (tmp_path / "cells").exists()


def test_tensors_that_do_not_fit(data: Path, table: dict, tensors, tmp_path: Path) -> None:
    def teach(*names: str) -> dict:
        return table | {"teacher": {"model": "teacher.onnx", "tensors": list(names)}}

    with pytest.raises(ValueError, match="teacher.tensors: expected 3, one before and one after"):
        parse(teach(*tensors[:2]))
    with pytest.raises(ValueError, match=r"expected a map of 8 x 8 at 32 pixels, as the space has "
                                         r"after its block 1, got 8 x 16 x 16"):  # fmt: skip
        search(parse(teach(tensors[0], tensors[0], tensors[2])), data, tmp_path)
    with pytest.raises(ValueError, match="teacher.onnx has no 'conv9'"):
        search(parse(teach(tensors[0], "conv9", tensors[2])), data, tmp_path)


def test_split() -> None:
    training, held = split(50, 10, 8, 3)
    assert sorted([*training, *held]) == list(range(50)) and len(held) == 10


def test_the_verb(data: Path, table: dict, tensors, tmp_path: Path, capsys) -> None:
    text = f"""
    steps = 2
    batch = 8
    judged = 16
    calibrated = 8
    workers = 1
    [data]
    root = "faces"
    size = 32
    [teacher]
    model = "teacher.onnx"
    tensors = {json.dumps(list(tensors))}
    [space]
    size = 32
    stem = 8
    [[space.blocks]]
    widths = [8]
    depths = [1]
    kernels = [3]
    [[space.blocks]]
    widths = [8]
    depths = [1]
    kernels = [3]
    """
    (tmp_path / "small.toml").write_text(text)
    verb = ["search", "dna", str(tmp_path / "small.toml"), "--data", str(data)]
    verb += ["--out", str(tmp_path / "out"), "--json"]
    assert main([*verb, "--steps", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] is None
    assert main(verb) == 0
    found = json.loads(capsys.readouterr().out)["found"]
    assert Candidate.read(
        json.loads(Path(found).read_text())["networks"][0]["layers"].split(",")[0]
    )


RECIPES = sorted((Path(job.__file__).parents[1] / "recipes").glob("dna*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_checked_in_are_read(path: Path) -> None:
    assert read(path).data.root and f"training/search/recipes/{path.name}" in path.read_text()


def test_kept_cells_are_of_the_recipe_checked_in() -> None:
    """What README says to copy is gone on with, not refused or rated anew."""
    room = Path(job.__file__).parents[1]
    recipe, kept = read(room / "recipes" / "dna.toml"), room / "results" / "dna"
    cells = {cell.name: cell for cell in recipe.space.cells()}
    folders = sorted(folder.name for folder in (kept / "cells").iterdir())
    assert folders and set(folders) <= set(cells)
    for name in folders:
        one = Job(recipe, Path(), kept, cells[name])
        found = outcome.read_cell(one.folder, one.identity)
        assert found is not None and len(found) == len(list(recipe.space.candidates(one.cell)))
