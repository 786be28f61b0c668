"""The share between two networks: the rule, and the command's work on people kept from training."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.blend.__main__ import Row, blend, choose  # noqa: E402
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
teachers = ["flat:teacher.safetensors"]
directions = "directions.npy"
[[data.sources]]
root = "faces"
list = "faces.csv"
aside = {aside}
"""


def rows(*agreements: tuple[float, float], found: tuple[float, ...] = ()) -> list[Row]:
    return [
        Row(i / (len(agreements) - 1), (found[i] if found else 1.0, 0.5), agreement)
        for i, agreement in enumerate(agreements)
    ]


def test_the_knee_is_taken() -> None:
    bent = rows((0.9, 0.2), (0.88, 0.45), (0.85, 0.55), (0.8, 0.6))
    best, sums = choose(bent)
    assert best is bent[1] and sums == pytest.approx([1.0, 0.8 + 0.625, 0.5 + 0.875, 1.0])
    # Whoever finds fewer sharp people is out.
    worse = rows((0.9, 0.2), (0.88, 0.45), (0.85, 0.55), (0.8, 0.6), found=(1, 0.99, 0.998, 0.9))
    assert choose(worse)[0] is worse[2]


def test_without_a_trade_there_is_nothing_to_choose() -> None:
    with pytest.raises(ValueError, match=r"got \+0\.0500 and \+0\.1000; take the better"):
        choose(rows((0.8, 0.5), (0.85, 0.6)))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty people of one picture, of whom some are kept aside; a teacher, a parent and a child
    that is as the teacher but for the mean."""

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
    np.save(tmp_path / "directions.npy", np.eye(16, dtype=np.float32))
    torch.manual_seed(4)
    made = flat()
    made(torch.randn(16, 3, 112, 112))
    for name, noise in (("teacher", 0.0), ("parent", 0.02), ("child", 0.02)):
        network = flat()
        network.load_state_dict(made.state_dict())
        with torch.no_grad():
            network[3].weight.add_(noise * torch.randn(16, 588))
        state.save_weights(tmp_path / f"{name}.safetensors", network)
    return tmp_path


def run(data: Path, **options: object) -> tuple[Row, list[Row]]:
    (data / "recipe.toml").write_text(RECIPE.format(aside=options.pop("aside", "true")))
    ends = (data / f"{name}.safetensors" for name in ("parent", "child"))
    return blend(read(data / "recipe.toml"), data, *ends, data / "out", **options)  # type: ignore[arg-type]


def test_it_writes_what_it_chose(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which of two noises is nearer is luck; the rule has tests of its own.
    taken = "pocketvision.training.blend.__main__.choose"
    monkeypatch.setattr(taken, lambda rows: (rows[1], [row.small for row in rows]))
    best, every = run(data, sizes=(28, 14), shares=(0.0, 0.5, 1.0), most=10)
    assert best is every[1] and [row.share for row in every] == [0, 0.5, 1]
    # Two noises that are independent cancel in part: the middle agrees more than both ends.
    assert every[1].agreement[0] > max(every[0].agreement[0], every[2].agreement[0])
    assert len(set(every[0].agreement)) == 3, "each size has views of its own"
    out = data / "out"
    told = json.loads((out / "share.json").read_text())
    assert told["share"] == 0.5 and told["parent"] == digest(data / "parent.safetensors")
    assert told["people"] <= 10 and told["agreement"] == list(best.agreement)
    with open(out / "shares.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["agreement 28"]) for row in table] == [row.agreement[1] for row in every]
    blended = state_dict(out / "model.safetensors")
    ends = [state_dict(data / f"{name}.safetensors") for name in ("parent", "child")]
    torch.testing.assert_close(blended["3.weight"], (ends[0]["3.weight"] + ends[1]["3.weight"]) / 2)
    assert not torch.equal(blended["1.running_mean"], ends[0]["1.running_mean"])


def test_wrong_calls_are_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="nobody is left to choose by"):
        run(data, aside="false")
    with pytest.raises(ValueError, match="shares: expected rising ones from 0 to 1"):
        run(data, shares=(0.0, 0.5))


def state_dict(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(path)
