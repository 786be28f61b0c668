"""A run's weights to the int8 file: the record beside them names the network and travels on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from pocketvision.cli import main  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate.faces.embedders import OnnxEmbedder  # noqa: E402
from pocketvision.training.models.stored.describe import describe, digest  # noqa: E402
from pocketvision.training.quantize.trained import quantize_weights  # noqa: E402


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """What a run leaves: fresh weights of FaceChain 25 M and their record."""
    torch.manual_seed(3)
    path = tmp_path / "model.safetensors"
    save_file(models.create("facechain_25m").eval().state_dict(), path)
    record = describe(
        models.entry("facechain_25m"),
        path,
        tag="run.seed-1",
        teacher="teacher.onnx (angular)",
        data="faces: 24 pictures of 4 people",
        licence="not stated",
    )
    path.with_suffix(".json").write_text(record.to_json())
    return path


def test_the_record_goes_into_the_file(weights: Path, tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (40, 112, 112, 3), dtype=np.uint8)
    out = quantize_weights(weights, crops, tmp_path / "f.int8.onnx", count=8).file
    record = OnnxEmbedder(out).record
    assert record.full_name == "facechain-25m.run.seed-1"
    assert record.teacher == "teacher.onnx (angular)"
    assert record.sha256["float_weights"] == digest(weights)
    assert {"float_onnx"} <= record.sha256.keys()
    assert record.quantiser is not None and "8 images" in record.quantiser


def test_a_missing_or_foreign_record_is_named(weights: Path, tmp_path: Path) -> None:
    crops = np.zeros((40, 112, 112, 3), np.uint8)
    beside = weights.with_suffix(".json")
    table = json.loads(beside.read_text())
    beside.write_text(json.dumps(table | {"name": "resnet-9000"}))
    with pytest.raises(ValueError, match=r"model\.json: no model named 'resnet-9000'"):
        quantize_weights(weights, crops, tmp_path / "f.int8.onnx")
    beside.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.json: no such file; .*record"):
        quantize_weights(weights, crops, tmp_path / "f.int8.onnx")
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors: no such file"):
        quantize_weights(weights, crops, tmp_path / "f.int8.onnx")
    assert not (tmp_path / "f.int8.onnx").exists()


def test_the_command_takes_weights(weights: Path, tmp_path: Path, capsys) -> None:
    weights.with_suffix(".json").unlink()
    line = ["quantize", str(weights), "--images", str(tmp_path), "--out", str(tmp_path / "o.onnx")]
    assert main(line) != 0
    assert "model.json: no such file" in capsys.readouterr().err
