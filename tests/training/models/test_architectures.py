"""Networks by architecture: what a search finds is built, trained and recorded by its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.record import Record  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.models.pocketnet import CASIA, CIFAR  # noqa: E402
from pocketvision.training.models.stored.describe import describe  # noqa: E402
from pocketvision.training.run import state  # noqa: E402

SMALL = {"family": "pocketnet", "channels": 4, "layers": 4, "embedding": 16}


def write(folder: Path, values: object, name: str = "found.json") -> str:
    path = folder / name
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return str(path)


def test_a_published_network_by_its_architecture(tmp_path: Path) -> None:
    sizes = {"family": "pocketnet", "channels": 16, "layers": 18, "embedding": 128}
    entry = models.entry(write(tmp_path, sizes | {"genotype": CASIA.to_dict()}))
    known = models.create("pocketnet_s_128")
    found = entry.make()
    found.load_state_dict(known.state_dict())
    assert (entry.name, entry.embedding, entry.input_size) == ("found", 128, 112)
    assert entry.paper == "arXiv:2108.10710"


def test_weights_and_record_know_it(tmp_path: Path) -> None:
    values = SMALL | {"genotype": CIFAR.to_dict(), "name": "My Net 3"}
    entry = models.entry(write(tmp_path, values))
    weights = tmp_path / "model.safetensors"
    state.save_weights(weights, entry.make())
    record = describe(entry, weights, tag="t1", teacher=None, data="", licence="")
    again = Record.from_json(record.to_json())
    assert again.name == "my-net-3" and again.architecture is not None
    rebuilt = models.built(again.name, again.architecture)
    net = models.load(rebuilt, weights)
    assert net(torch.zeros(1, 3, 112, 112)).shape == (1, 16)
    plain = describe(models.entry("facechain_25m"), weights, tag="t", teacher=None, data="",
                     licence="")  # fmt: skip
    assert "architecture" not in plain.to_dict()


def test_a_chain_of_any_size(tmp_path: Path) -> None:
    path = write(tmp_path, {"family": "facechain", "width": 0.4, "depth": 0.8, "size": 96})
    assert models.create(path).eval()(torch.zeros(1, 3, 96, 96)).shape == (1, 128)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{", "found.json: not an architecture"),
        ("[]", "expected a JSON object"),
        ({"family": "resnet"}, "expected a family, one of facechain, "),
        ({}, "expected a family"),
        (SMALL, "missing 1 required keyword-only argument: 'genotype'"),
        (SMALL | {"genotype": CASIA.to_dict(), "depth": 3}, "unexpected keyword argument 'depth'"),
        (SMALL | {"genotype": {"normal": []}}, "genotype: expected normal and reduce"),
        (SMALL | {"genotype": CASIA.to_dict(), "size": 96}, "made for 112 pixels, got 96"),
        (SMALL | {"embedding": "x"}, "embedding: expected a number"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, values: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        models.entry(write(tmp_path, values))
    with pytest.raises(FileNotFoundError):
        models.entry(str(tmp_path / "none.json"))
