"""LFW of the shipped model and of its float parent, both measured anew from the shipped files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import pocketvision

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate.faces import embedders, lfw  # noqa: E402
from pocketvision.training.export import export  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[2] / "training" / "weights"
FLOORS = {"pocketnet-s-128": 0.93, "facechain-125m": 0.955, "facechain-25m": 0.93}
"""LFW accuracy that each network is to reach, in float and in int8."""


@pytest.mark.full
@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(path.stem for path in WEIGHTS.glob("*.safetensors")))
def test_lfw_of_float_and_compiled_int8(
    name: str, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    parent = models.load(name, WEIGHTS / f"{name}.safetensors")
    export(parent, tmp_path / "float.onnx", size=models.entry(name).input_size)
    faces, listed = shared_data / "lfw_112", shared_data / "lfw_pairs.txt"
    floating = lfw.evaluate(embedders.OnnxEmbedder(tmp_path / "float.onnx"), faces, listed)
    int8 = lfw.evaluate(name, faces, listed)
    with capsys.disabled():
        for kind, result in (("float32", floating), ("int8, compiled", int8)):
            print(f"\nLFW 10-fold {name} {kind}: {result.accuracy:.2%} +- {result.std:.2%}", end="")
    record = json.loads((WEIGHTS / f"{name}.json").read_text())
    stated = {s["precision"]: s["accuracy"] for s in record["scores"] if "flip" in s["protocol"]}
    assert floating.accuracy == pytest.approx(stated["float32"], abs=1e-3)
    assert int8.accuracy >= floating.accuracy - 0.003
    assert min(int8.accuracy, floating.accuracy) >= FLOORS[name]


def test_raw_embeddings_of_the_protocols_point_where_the_embedders_do() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    raw = embedders.load("pocketnet-s-128")(crops)
    unit = pocketvision.Embedder("pocketnet-s-128").embed(crops)
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-6)
