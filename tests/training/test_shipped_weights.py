"""The shipped int8 models against their float parents: on drawn faces, and LFW of both anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw, ImageFilter

import pocketvision
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.record import METADATA_KEY, Record

torch = pytest.importorskip("torch")

from pocketvision.runtime.shipped import find  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.data.detect import read  # noqa: E402
from pocketvision.training.evaluate.detect.judge import judge  # noqa: E402
from pocketvision.training.evaluate.detect.opened import opened  # noqa: E402
from pocketvision.training.evaluate.faces import embedders, lfw, pairs  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.stored.describe import digest  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[2] / "training" / "weights"
DETECTORS = ("facefinder-160",)
NAMES = sorted(
    {
        str(path.relative_to(WEIGHTS).with_suffix(""))
        for folder in (".", "far")
        for path in WEIGHTS.glob(f"{folder}/*.safetensors")
    }
    - set(DETECTORS)
)
OTHERS = sorted(f"boards/{path.stem}" for path in WEIGHTS.glob("boards/*.safetensors"))
"""Networks for microcontrollers, which no host package brings."""
FLOORS = {
    "far/face-lowres-125m": 0.975,
    "pocketnet-s-128": 0.975,
    "facechain-125m": 0.98,
    "facechain-25m": 0.97,
}
"""LFW accuracy that each network is to reach, in float and in int8."""


@pytest.mark.full
@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_lfw_of_float_and_compiled_int8(
    name: str, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    short = name.rpartition("/")[2]
    parent = models.load(short, WEIGHTS / f"{name}.safetensors")
    export(parent, tmp_path / "float.onnx", size=models.entry(short).input_size)
    floating_onnx = embedders.OnnxEmbedder(tmp_path / "float.onnx")
    faces = shared_data / "lfw_112"
    listed = pairs.read(shared_data / "lfw_pairs.txt")
    compiled = embedders.load(short)
    stated_by = Record.from_json((WEIGHTS / f"{name}.json").read_text()), compiled.record
    results = []
    for embed, by in zip((floating_onnx, compiled), stated_by, strict=True):
        found = lfw.views(embed, faces, listed)
        results.append(lfw.score(found, listed))
        impostors = lfw.cosines(found[:1], listed)[~np.array(listed.same)]
        for entry in by.thresholds:
            accepted = (impostors >= entry["threshold"]).sum()
            assert accepted <= entry["far"] * len(impostors) + 1e-9, (entry, accepted)
    floating, int8 = results
    with capsys.disabled():
        for kind, result in (("float32", floating), ("int8, compiled", int8)):
            print(f"\nLFW 10-fold {name} {kind}: {result.accuracy:.2%} +- {result.std:.2%}", end="")
    scores = stated_by[0].scores
    stated = {s["precision"]: s["accuracy"] for s in scores if "flip" in s["protocol"]}
    assert floating.accuracy == pytest.approx(stated["float32"], abs=1e-3)
    assert int8.accuracy >= floating.accuracy - 0.003
    assert min(int8.accuracy, floating.accuracy) >= FLOORS[name]


@pytest.mark.deep
@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_lfw_is_what_the_record_states(
    name: str, shared_data: Path, capsys: pytest.CaptureFixture
) -> None:
    listed = pairs.read(shared_data / "lfw_pairs.txt")
    compiled = embedders.load(name.rpartition("/")[2])
    found = lfw.score(lfw.views(compiled, shared_data / "lfw_112", listed), listed)
    (stated,) = (
        score["accuracy"]
        for score in compiled.record.scores
        if score["precision"] == "int8" and "flip" in score["protocol"]
    )
    with capsys.disabled():
        print(f"\nLFW {name}: {found.accuracy:.4%}, its record says {stated:.4%}", end="")
    assert abs(found.accuracy - stated) <= 5e-4


def drawn_face(seed: int) -> np.ndarray:
    """Uint8 (112, 112, 3): an oval of skin, hair and the five parts where alignment puts them."""
    random = np.random.default_rng(seed)
    skin, hair, back = (tuple(int(v) for v in random.integers(*ends, 3)) for ends in
                        ((110, 235), (10, 90), (40, 220)))  # fmt: skip
    image = Image.new("RGB", (112, 112), back)
    draw = ImageDraw.Draw(image)
    draw.ellipse((8, -14, 104, 112), fill=hair)
    draw.ellipse((18, int(random.integers(0, 14)), 94, 118), fill=skin)
    shade = tuple(int(0.7 * v) for v in skin)
    left, right, nose, *corners = ARCFACE_TEMPLATE
    for x, y in (left, right):
        wide, high = random.uniform(5, 9), random.uniform(2, 5)
        draw.ellipse((x - wide, y - high, x + wide, y + high), fill=(235, 235, 230))
        draw.ellipse((x - high, y - high, x + high, y + high), fill=hair)
        draw.line((x - 10, y - 9, x + 10, y - 9), fill=hair, width=int(random.integers(2, 5)))
    draw.polygon([(nose[0], nose[1] - 16), (nose[0] - 7, nose[1]), (nose[0] + 7, nose[1])], shade)
    draw.line([tuple(corner) for corner in corners], fill=(150, 50, 60), width=5)
    light = np.linspace(*random.uniform(0.7, 1.3, 2), 112)[None, :, None]
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), np.float64) * light
    return np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", [*NAMES, *OTHERS])
def test_int8_embeddings_are_those_of_the_float_weights(name: str) -> None:
    """Another network's weights, or another preprocessing, would have a cosine near 0."""
    crops = np.stack([drawn_face(seed) for seed in range(4)])
    planes = torch.from_numpy((crops.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5)
    with torch.no_grad():
        network = models.load(name.rpartition("/")[2], WEIGHTS / f"{name}.safetensors")
        floating = network(planes).numpy()
    int8 = embedders.OnnxEmbedder(WEIGHTS / f"{name}.int8.onnx")(crops)
    cosine = (floating * int8).sum(1)
    cosine /= np.linalg.norm(floating, axis=1) * np.linalg.norm(int8, axis=1)
    assert cosine.min() >= 0.99, cosine


@pytest.mark.parametrize("name", [*NAMES, *OTHERS, *DETECTORS])
def test_records_hold_the_digests_of_their_files(name: str) -> None:
    record = Record.from_json((WEIGHTS / f"{name}.json").read_text())
    network = WEIGHTS / f"{name}.int8.onnx"
    properties = onnx.load(network, load_external_data=False).metadata_props
    (text,) = (entry.value for entry in properties if entry.key == METADATA_KEY)
    inside = Record.from_json(text)
    assert inside.full_name == record.full_name
    assert record.sha256["int8_onnx"] == digest(network)
    weights = digest(WEIGHTS / f"{name}.safetensors")
    assert record.sha256["float_weights"] == inside.sha256["float_weights"] == weights
    assert inside.scores == record.scores


@pytest.mark.parametrize("name", DETECTORS)
def test_int8_faces_are_those_of_the_float_weights(name: str) -> None:
    """Another network's weights, or another preprocessing, would see another person elsewhere."""
    data = pytest.importorskip("skimage.data")
    photo = data.astronaut()[:256, 96:352]
    found = []
    for path in (WEIGHTS / f"{name}.safetensors", WEIGHTS / f"{name}.int8.onnx"):
        detect, _ = opened(path)
        found.append(detect(photo))
    floating, int8 = (one.chosen(one.scores.argsort()[::-1][:1]) for one in found)
    assert floating.scores[0] > 0.5 and abs(floating.scores[0] - int8.scores[0]) < 0.1
    np.testing.assert_allclose(floating.points, int8.points, atol=6)
    eyes = np.array([[203.3, 101.5], [247.2, 103.0]]) - [96, 0]
    np.testing.assert_allclose(int8.points[0, :2], eyes, atol=10)


@pytest.mark.shared
@pytest.mark.deep
@pytest.mark.parametrize("name", DETECTORS)
def test_recall_is_what_the_record_states(name: str, shared_data: Path) -> None:
    record = Record.from_json((WEIGHTS / f"{name}.json").read_text())
    (stated,) = (score for score in record.scores if score["precision"] == "int8")
    detect, size = opened(Path(find(name)))
    folder = shared_data / "detector" / "detector"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: the detector's pictures")
    _, kept = read(folder).parted()
    found = judge(detect, kept, *size)
    assert found.recall == pytest.approx(stated["accuracy"], abs=0.01)
    assert found.error == pytest.approx(stated["landmark_error"], abs=0.01)


def test_raw_embeddings_of_the_protocols_point_where_the_embedders_do() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    raw = embedders.load("pocketnet-s-128")(crops)
    unit = pocketvision.Embedder("pocketnet-s-128").embed(crops)
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-6)
