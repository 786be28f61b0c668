"""LFW of the shipped model and of its float parent, both measured anew from the shipped files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pocketvision

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate import embedders, lfw  # noqa: E402
from pocketvision.training.export import export  # noqa: E402

WEIGHTS = Path(__file__).resolve().parents[2] / "training" / "weights"


@pytest.mark.full
@pytest.mark.shared
def test_int8_within_three_tenths_of_a_point_of_float(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    parent = models.load("pocketnet-s-128", WEIGHTS / "pocketnet-s-128.safetensors")
    export(parent, tmp_path / "float.onnx", size=112)
    faces, listed = shared_data / "lfw_112", shared_data / "lfw_pairs.txt"
    floating = lfw.evaluate(embedders.OnnxEmbedder(tmp_path / "float.onnx"), faces, listed)
    int8 = lfw.evaluate("pocketnet-s-128", faces, listed)
    with capsys.disabled():
        for name, result in (("float32", floating), ("int8, compiled", int8)):
            print(f"\nLFW 10-fold {name}: {result.accuracy:.2%} +- {result.std:.2%}", end="")
    assert int8.accuracy >= 0.85
    assert int8.accuracy >= floating.accuracy - 0.003


def test_raw_embeddings_of_the_protocols_point_where_the_embedders_do() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    raw = embedders.load("pocketnet-s-128")(crops)
    unit = pocketvision.Embedder("pocketnet-s-128").embed(crops)
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-6)
