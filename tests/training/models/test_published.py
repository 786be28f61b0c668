"""State dicts under InsightFace's names load into our networks, and give what ours give."""

from __future__ import annotations

import re

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402

STEPS = ("conv", "bn", "prelu")
PARTS = ("conv", "conv_dw", "project")
DEPTHS = {"iresnet18": (2, 2, 2, 2), "iresnet34": (3, 4, 6, 3)}
UNIT = ("bn1", "conv1", "bn2", "prelu", "conv2", "bn3")
RESIDUALS = (1, 4, 1, 6, 1, 2)
"""Blocks of MobileFaceNet one after another: single ones, and rows of those that keep the shape."""


def places(counts: tuple[int, ...]) -> list[tuple[int, int]]:
    """(group, place in it) of each block in a row."""
    return [(group, place) for group, count in enumerate(counts) for place in range(count)]


def iresnet(name: str, counts: tuple[int, ...]) -> str:
    """backbones/iresnet.py: conv1 bn1 prelu, layer1..4 of units, bn2 fc features."""
    for ours, theirs in (
        *(("stem.0", "conv1"), ("stem.1", "bn1"), ("stem.2", "prelu")),
        *(("tail.0", "bn2"), ("tail.2", "fc"), ("tail.3", "features")),
    ):
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    block, kind, step, leaf = re.fullmatch(r"blocks\.(\d+)\.(\w+)\.(\d)\.(\w+)", name).groups()
    group, place = places(counts)[int(block)]
    unit = UNIT[int(step)] if kind == "body" else f"downsample.{step}"
    return f"layer{group + 1}.{place}.{unit}.{leaf}"


def layers(name: str) -> str:
    """backbones/mobilefacenet.py: numbered layers, each of layers; conv_sep; features."""
    first, number, rest = name.split(".", 2)
    if first == "stem":
        return f"layers.{number}.layers.{rest}"
    if first == "tail":
        theirs = ("conv_sep.layers", "features.layers.0.layers.0", "features.layers.0.layers.1",
                  "features.layers.2", "features.layers.3")  # fmt: skip
        return f"{theirs[int(number)]}.{rest}"
    group, place = places(RESIDUALS)[int(number)]
    part, step = rest.removeprefix("net.").split(".", 1)
    inner = f"layers.{place}." if RESIDUALS[group] > 1 else ""
    return f"layers.{group + 2}.{inner}layers.{part}.layers.{step}"


def port(name: str) -> str:
    """The first port: conv1, conv2_dw, conv_23, conv_3.model.0 .. conv_6_dw, linear, bn."""
    first, number, rest = name.split(".", 2)
    if first == "blocks":
        group, place = places(RESIDUALS)[int(number)]
        part, step, leaf = rest.removeprefix("net.").split(".")
        row = ("conv_23", "conv_3", "conv_34", "conv_4", "conv_45", "conv_5")[group]
        inner = f"model.{place}." if RESIDUALS[group] > 1 else ""
        return f"{row}.{inner}{PARTS[int(part)]}.{STEPS[int(step)]}.{leaf}"
    if (first, number) in (("stem", "0"), ("stem", "1"), ("tail", "0")):
        step, leaf = rest.split(".")
        layer = {"stem.0": "conv1", "stem.1": "conv2_dw", "tail.0": "conv_6_sep"}
        return f"{layer[f'{first}.{number}']}.{STEPS[int(step)]}.{leaf}"
    return ("", "conv_6_dw.conv", "conv_6_dw.bn", "linear", "bn")[int(number)] + f".{rest}"


NAMINGS = {
    "iresnet18": [lambda name: iresnet(name, DEPTHS["iresnet18"])],
    "iresnet34": [lambda name: iresnet(name, DEPTHS["iresnet34"])],
    "mobilefacenet": [layers, port],
    "mobilefacenet_512": [layers, port],
}


@pytest.mark.parametrize(
    ("network", "naming", "prefix"),
    [
        (name, naming, "module." if naming is port else "")
        for name, namings in NAMINGS.items()
        for naming in namings
    ],
)
def test_published_names_load(network, naming, prefix, tmp_path):
    torch.manual_seed(3)
    model = models.create(network)
    # Statistics and gains of their own, lest two layers of one shape be taken for each other.
    state = {
        name: torch.rand_like(value) + 0.5 if value.ndim == 1 else value
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    published = {naming(name): value for name, value in state.items()}
    assert len(published) == len(state) and not published.keys() & state.keys()
    for name in ("linear.weight", "features.layers.2.weight"):
        if name in published:
            published[name] = published[name].flatten(1)
    backwards = dict(reversed(list(published.items())))
    torch.save({prefix + name: value for name, value in backwards.items()}, tmp_path / "b.pth")
    loaded = models.load(network, tmp_path / "b.pth")
    assert all(torch.equal(state[name], value) for name, value in loaded.state_dict().items())
    x = torch.rand(1, 3, 112, 112)
    with torch.no_grad():
        assert torch.equal(model.eval()(x), loaded(x))


def test_what_has_no_place_is_named(tmp_path):
    model = models.create("mobilefacenet")
    published = {layers(name): value for name, value in model.state_dict().items()}
    published["features.layers.2.weight"] = torch.zeros(512, 512)
    published["neck.weight"] = torch.zeros(1)
    torch.save(published, tmp_path / "b.pth")
    with pytest.raises(
        ValueError, match=r"b\.pth: these are not weights of 'mobilefacenet'"
    ) as got:
        models.load("mobilefacenet", tmp_path / "b.pth")
    assert "neck.weight" in str(got.value)
    assert "tail.3.weight (512, 512, 1, 1), expected (128, 512, 1, 1)" in str(got.value)


def test_published_weights_of_another_depth_are_refused(tmp_path):
    model = models.create("iresnet18")
    counts = DEPTHS["iresnet18"]
    published = {iresnet(name, counts): value for name, value in model.state_dict().items()}
    torch.save(published, tmp_path / "b.pth")
    with pytest.raises(ValueError, match="not weights of 'iresnet34'"):
        models.load("iresnet34", tmp_path / "b.pth")
