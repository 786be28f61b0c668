"""The share between two networks: the rule, and the command's work on people kept from training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

from pocketvision.training.blend.__main__ import Row, blend, choose  # noqa: E402
from pocketvision.training.blend.held_out import accuracy  # noqa: E402
from pocketvision.training.data.aside import aside  # noqa: E402
from pocketvision.training.models import registry  # noqa: E402
from pocketvision.training.models.stored.describe import digest  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.faces import read  # noqa: E402

RECIPE = """
model = "flat"
steps = 1
batch = 8
[optimiser]
learning_rate = 0.1
[far]
share = 0.75
[embedding]
teachers = ["none.onnx"]
[[data.sources]]
root = "faces"
list = "faces.csv"
aside = {aside}
"""


def test_the_best_of_few_pixels_is_taken_that_stays_sharp() -> None:
    rows = [Row(0, 0.99, (0.5, 0.4)), Row(0.5, 0.988, (0.7, 0.5)), Row(1, 0.98, (0.8, 0.6))]
    assert choose(rows) is rows[1]
    assert choose([*rows[:2], Row(1, 0.988, (0.8, 0.6))]).share == 1
    assert choose([rows[0], Row(1, 0.99, (0.5, 0.3))]).share == 0


def test_accuracy_is_that_of_the_best_threshold() -> None:
    random = np.random.default_rng(0)
    for drift in (0.0, 0.5, 3.0):
        cosine = random.standard_normal((40, 40)).astype(np.float32)
        cosine[np.diag_indices(40)] += drift
        own, others = np.diag(cosine), cosine[~np.eye(40, dtype=bool)]
        every = [((own >= t).mean() + (others < t).mean()) / 2 for t in np.sort(cosine.ravel())]
        assert accuracy(cosine) == pytest.approx(max(every), abs=0.002)
    assert accuracy(np.eye(8, dtype=np.float32)) == 1


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty people of one picture, of whom some are kept aside; a parent and a child."""

    def flat() -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(8), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(588, 16))

    monkeypatch.setitem(registry._ENTRIES, "flat", registry.Entry("flat", flat, "none", 16, 112))
    random = np.random.default_rng(3)
    (tmp_path / "faces").mkdir()
    names = [f"{i}.png" for i in range(60)]
    for name in names:
        coarse = random.integers(0, 256, (7, 7, 3)).astype(np.uint8)
        whole = Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC)
        whole.save(tmp_path / "faces" / name)
    assert 2 <= sum(map(aside, names)) <= 20
    table = "\n".join(f"{name},aaf,{i}A30.jpg" for i, name in enumerate(names))
    (tmp_path / "faces.csv").write_text(f"path,source,origin\n{table}\n")
    torch.manual_seed(4)
    for name in ("parent", "child"):
        network = flat()
        network(torch.randn(16, 3, 112, 112))
        state.save_weights(tmp_path / f"{name}.safetensors", network)
    return tmp_path


def run(data: Path, **options: object) -> tuple[Row, list[Row]]:
    (data / "recipe.toml").write_text(RECIPE.format(aside=options.pop("aside", "true")))
    ends = (data / f"{name}.safetensors" for name in ("parent", "child"))
    return blend(read(data / "recipe.toml"), data, *ends, data / "out", **options)  # type: ignore[arg-type]


def test_it_writes_what_it_chose(data: Path) -> None:
    best, every = run(data, sizes=(28, 8), shares=(0.0, 0.5, 1.0), most=10)
    assert best == choose(every) and [row.share for row in every] == [0, 0.5, 1]
    assert all(row.sharp > 0.6 and len(row.small) == 2 for row in every)
    out = data / "out"
    told = json.loads((out / "share.json").read_text())
    assert told["share"] == best.share and told["parent"] == digest(data / "parent.safetensors")
    assert told["people"] <= 10 and told["small"] == list(best.small)
    with open(out / "shares.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["28"]) for row in table] == [row.small[0] for row in every]
    ends = [load_file(data / f"{name}.safetensors") for name in ("parent", "child")]
    for name, value in load_file(out / "model.safetensors").items():
        if value.is_floating_point():
            wanted = torch.lerp(ends[0][name], ends[1][name], best.share)
            torch.testing.assert_close(value, wanted)
    again, same = run(data, sizes=(28, 8), shares=(0.0, 0.5, 1.0), most=10)
    assert again == best and same == every


def test_wrong_calls_are_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="nobody is left to choose by"):
        run(data, aside="false")
    with pytest.raises(ValueError, match="shares: expected rising ones from 0 to 1"):
        run(data, shares=(0.0, 0.5))
