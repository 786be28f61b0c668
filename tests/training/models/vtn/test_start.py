"""Weights that encoders start from: published names fit, hashes are checked, mistakes are named."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models.vtn import start  # noqa: E402
from pocketvision.training.models.vtn.encoders import ENCODERS  # noqa: E402

DECODER = {"width": 16, "blocks": 1, "heads": 2, "inner": 16}


def network(encoder: str, modality: str = "rgb", classes: int = 2):
    values = {"encoder": encoder, "modality": modality, "embedding": classes, "size": 32}
    return models.built("t", {"family": "vtn", **values, **DECODER}).make()


def lively(name: str) -> dict[str, torch.Tensor]:
    """A state dict of an encoder whose tensors all differ."""
    torch.manual_seed(4)
    return {
        key: torch.rand_like(value) if value.is_floating_point() else value
        for key, value in ENCODERS[name].make(3).state_dict().items()
    }


def theirs(name: str, key: str) -> str:
    """Our name as torchvision, or the authors of SE-ResNeXt, spell it."""
    if name == "se_resnext101":
        key = key.replace("se.net.1.", "se_module.fc1.").replace("se.net.3.", "se_module.fc2.")
        return key if key.startswith("layer") else f"layer0.{key}"
    if name != "mobilenet_v2":
        return key
    # features.N.net.LAYER.STEP: inner layers are Sequentials, the last one two modules of its own.
    found = re.fullmatch(r"features\.(\d+)\.net\.(\d+)\.(\d)\.(\w+)", key)
    if found is None:
        return key
    block, layer, step, leaf = found.groups()
    last = 1 if block == "1" else 2
    inner = f"{last + int(step)}" if int(layer) == last else f"{layer}.{step}"
    return f"features.{block}.conv.{inner}.{leaf}"


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2", "se_resnext101"])
def test_published_names_fit(name: str, tmp_path: Path) -> None:
    state = lively(name)
    published = {theirs(name, k): v for k, v in state.items() if "num_batches" not in k}
    head = {"mobilenet_v2": "classifier.1", "se_resnext101": "last_linear"}.get(name, "fc")
    published |= {f"{head}.weight": torch.zeros(5, 7), f"{head}.bias": torch.zeros(5)}
    torch.save(published, tmp_path / "w.pth")
    made = network(name)
    told = start.start(made, name, "w.pth", tmp_path)
    assert told.startswith("w.pth, SHA-256 ")
    own = made.encoder.state_dict()
    assert all(torch.equal(own[k], v) for k, v in state.items() if "num_batches" not in k)


def test_streams_of_other_channels_start_from_the_mean_colour(tmp_path: Path) -> None:
    state = lively("resnet18")
    torch.save(state, tmp_path / "w.pth")
    made = network("resnet18", "rgb+flow")
    start.start(made, "resnet18", "w.pth", tmp_path)
    rgb, flow = (stream.encoder.conv1.weight for stream in made.streams)
    assert torch.equal(rgb, state["conv1.weight"]) and flow.shape[1] == 2
    torch.testing.assert_close(flow[:, 1], rgb.mean(1))
    assert torch.equal(
        made.streams[1].encoder.layer4[1].conv2.weight, state["layer4.1.conv2.weight"]
    )


def test_a_shipped_face_networks_trunk() -> None:
    made = network("chain_25m", "difference")
    assert start.start(made, "chain_25m", "face:facechain-25m", Path()) == (
        "faces, facechain-25m.safetensors"
    )
    face = models.create("facechain_25m")
    from pocketvision.training.models.stored.checkpoint import shipped
    from pocketvision.training.run.state import load_weights

    load_weights(shipped("facechain_25m"), face)
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = face.eval().tail[0](face.blocks(face.stem(x)))
        assert torch.equal(made.encoder.eval()(x), expected)


def test_hashes(tmp_path: Path) -> None:
    torch.save(lively("resnet18"), tmp_path / "w.pth")
    digest = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    good, bad = f"resnet18-{digest[:8]}.pth", f"resnet18-{'0' * 8}.pth"
    for name in (good, bad):
        (tmp_path / name).write_bytes((tmp_path / "w.pth").read_bytes())
    made = network("resnet18")
    start.start(made, "resnet18", good, tmp_path)
    with pytest.raises(ValueError, match="its name says SHA-256 00000000"):
        start.start(made, "resnet18", bad, tmp_path)


def test_a_package_is_believed_by_its_hash_alone(tmp_path: Path, monkeypatch) -> None:
    made, package = network("mobilenet_v2"), start.PACKAGES["mobilenet_v2"]
    assert package.sha256.startswith(package.file[-12:-4])

    class Listed:
        name = package.file

        def locate(self) -> Path:
            return tmp_path / "w.pth"

    torch.save(lively("mobilenet_v2"), tmp_path / "w.pth")
    monkeypatch.setattr(start.metadata, "files", lambda name: [Listed()])
    with pytest.raises(ValueError, match="expected SHA-256 b0353104"):
        start.start(made, "mobilenet_v2", "imagenet", tmp_path)
    digest = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    monkeypatch.setitem(
        start.PACKAGES, "mobilenet_v2", start.Package(package.name, package.file, digest, "BSD")
    )
    assert "BSD" in start.start(made, "mobilenet_v2", "imagenet", tmp_path)
    monkeypatch.setattr(start.metadata, "files", lambda name: [])
    with pytest.raises(FileNotFoundError, match="is installed without its file"):
        start.start(made, "mobilenet_v2", "imagenet", tmp_path)


def test_mistakes_are_named(tmp_path: Path) -> None:
    made = network("resnet18")
    with pytest.raises(FileNotFoundError, match=r"none\.pth: no such weights"):
        start.start(made, "resnet18", "none.pth", tmp_path)
    with pytest.raises(ValueError, match="no package is known.*only of mobilenet_v2"):
        start.start(made, "resnet18", "imagenet", tmp_path)
    torch.save(lively("mobilenet_v2"), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w\.pth: \d+ tensors do not fit this encoder"):
        start.start(made, "resnet18", "w.pth", tmp_path)


def test_a_network_of_other_classes_fits_but_for_them(tmp_path: Path) -> None:
    first, second = network("chain_10m", classes=5), network("chain_10m", classes=2)
    torch.save(first.state_dict(), tmp_path / "w.pth")
    before = second.decoder.classifier.weight.clone()
    start.fit(second, tmp_path / "w.pth")
    assert torch.equal(second.decoder.classifier.weight, before)
    assert torch.equal(
        second.decoder.blocks[0].feed.first.weight, first.decoder.blocks[0].feed.first.weight
    )
    with pytest.raises(ValueError, match="do not fit this network"):
        start.fit(network("chain_25m"), tmp_path / "w.pth")
