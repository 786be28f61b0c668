"""Sharded heads over two ranks: stopped and resumed, on fewer ranks, with centres sampled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.faces import read, train  # noqa: E402

from . import test_loop  # noqa: E402
from .test_loop import ARCFACE, log, recipe  # noqa: E402
from .two_ranks import start  # noqa: E402

tiny = test_loop.tiny
PEOPLE = 13  # an odd number: the two shards differ in length

RUN = """
import json, sys, torch
torch.set_num_threads(1)
sys.path[:0] = [{here!r}]
import test_loop
from pathlib import Path
from pocketvision.training.models import registry
from pocketvision.training.run import ranks
from pocketvision.training.train.faces import loop, objective, read, train
registry._ENTRIES["tiny"] = registry.Entry("tiny", test_loop.Tiny, "none", 16, 112)
seen = {{"loss": [], "centres": []}}
models, forward, parallel = [], objective.Objective.forward, ranks.parallel

def told(self, *arguments):
    terms = forward(self, *arguments)
    seen["loss"].append(sum(terms.values()).item())
    return terms

def kept(model):
    models[:] = [model]
    return parallel(model)

sampled = objective.PartialFC._sampled

def counted(self, local):
    weight, rows = sampled(self, local)
    seen["centres"].append([len(weight), len(self.weight)])
    return weight, rows

objective.Objective.forward, ranks.parallel = told, kept
objective.PartialFC._sampled = counted
ranks.start()
recipe, data, out, *stops = sys.argv[1:]
for stop in map(int, stops):
    train(read(Path(recipe)), Path(data), Path(out), stop)
seen["weights"] = [p.detach().double().sum().item() for p in models.pop().parameters()]
Path(f"{{out}}/rank-{{ranks.rank()}}.json").write_text(json.dumps(seen))
ranks.stop()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Thirteen people of three pictures each."""
    root = tmp_path_factory.mktemp("people")
    random = np.random.default_rng(2)
    for person in range(PEOPLE):
        (root / "faces" / f"p{person:02d}").mkdir(parents=True)
        face = random.integers(0, 256, (7, 7, 3))
        for picture in range(3):
            coarse = np.clip(face + random.normal(0, 20, face.shape), 0, 255).astype(np.uint8)
            whole = Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC)
            whole.save(root / "faces" / f"p{person:02d}" / f"{picture}.png")
    return root


def on_two_ranks(folder: Path, path: Path, data: Path, out: Path, *stops: int) -> list[dict]:
    """Runs ``path`` to each of ``stops``, then from there; returns what each rank saw."""
    start(folder, RUN.format(here=str(Path(__file__).parent)), [path, data, out, *stops])
    return [json.loads((out / f"rank-{rank}.json").read_text()) for rank in (0, 1)]


def test_a_sharded_head_resumes_with_the_same_curve(data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, ARCFACE + "\nsharded = true", steps=10, top="sync_batch_norm = true")
    on_two_ranks(tmp_path, path, data, tmp_path / "whole", 10)
    ranks = on_two_ranks(tmp_path, path, data, tmp_path / "parts", 4, 7, 10)
    assert log(tmp_path / "parts") == log(tmp_path / "whole")
    assert ranks[0]["loss"] == pytest.approx(ranks[1]["loss"], rel=1e-5)
    one, two = (state.load(tmp_path / name) for name in ("whole", "parts"))
    assert one is not None and two is not None
    for name in ("model", "objective"):
        for key, value in one[name].items():
            assert torch.equal(value, two[name][key]), key
    assert two["objective"]["head.weight"].shape == (PEOPLE, 16)
    momenta = [entry["momentum_buffer"] for entry in two["optimiser"]["state"].values()]
    assert momenta[-1].shape == (PEOPLE, 16) and momenta[-1].abs().amax(1).gt(0).all()


def test_one_rank_goes_on_where_two_stopped(data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, ARCFACE + "\nsharded = true", steps=10, top="sync_batch_norm = true")
    train(read(path), data, tmp_path / "one")
    on_two_ranks(tmp_path, path, data, tmp_path / "two", 5)
    train(read(path), data, tmp_path / "two")
    one, two = ([row["loss"] for row in log(tmp_path / name)] for name in ("one", "two"))
    assert len(two) == 10 and two == pytest.approx(one, rel=2e-3)


def test_a_sharded_head_resumes_without_momentum(data: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, ARCFACE + "\nsharded = true", steps=4)
    still = "[optimiser]\nmomentum = 0.0\nnesterov = false"
    path.write_text(path.read_text().replace("[optimiser]", still))
    train(read(path), data, tmp_path / "whole")
    train(read(path), data, tmp_path / "parts", 2)
    train(read(path), data, tmp_path / "parts")
    assert log(tmp_path / "parts") == log(tmp_path / "whole")


def test_ranks_agree_on_sampled_centres(data: Path, tmp_path: Path) -> None:
    tables = ARCFACE + "\nsharded = true\nsampling = 0.5"
    path = recipe(tmp_path, tables, steps=40, top="sync_batch_norm = true")
    first, second = on_two_ranks(tmp_path, path, data, tmp_path / "run", 40)
    assert len(first["loss"]) == 40 and np.isfinite(first["loss"]).all()
    assert np.mean(first["loss"][-5:]) < 0.7 * np.mean(first["loss"][:5])
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-5)
    assert first["weights"] == second["weights"]
    for rank, size in ((first, 6), (second, 7)):
        assert all(whole == size for _, whole in rank["centres"])
        assert np.mean([chosen for chosen, _ in rank["centres"]]) < 0.8 * size
