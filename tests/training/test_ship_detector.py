"""A detector's run to shipped files: digests, scores of both precisions, a known answer."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

torch = pytest.importorskip("torch")

from pocketvision.compile import compile_file  # noqa: E402
from pocketvision.faces import known  # noqa: E402
from pocketvision.record import METADATA_KEY, Record  # noqa: E402
from pocketvision.runtime.shipped import host_targets  # noqa: E402
from pocketvision.training import ship_detector  # noqa: E402
from pocketvision.training.models.stored.describe import digest  # noqa: E402

from .quantize.test_detector import untrained  # noqa: E402
from .train.detect.test_loop import data as data  # noqa: E402  # a fixture


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A run's weights and record."""
    return untrained(tmp_path, "run.seed-1", "set: 3 pictures, with crops of crops")


def test_what_is_shipped_says_what_it_is(weights: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "shipped"
    scores = ship_detector.ship(weights, data / "set", None, out, tag="made.v1", teacher="nobody")
    assert {path.name for path in out.iterdir()} == {
        f"tiny-finder{end}" for end in (".safetensors", ".json", ".int8.onnx", ".sqnr.png")
    }
    record = Record.from_json((out / "tiny-finder.json").read_text())
    network = onnx.load(out / "tiny-finder.int8.onnx")
    (inside,) = (item.value for item in network.metadata_props if item.key == METADATA_KEY)
    stored = json.loads(inside)
    assert record.full_name == "tiny-finder.made.v1" and record.teacher == "nobody"
    assert record.data.endswith("drawn), with crops of crops") and record.quantiser
    assert record.sha256["int8_onnx"] == digest(out / "tiny-finder.int8.onnx")
    assert record.sha256["float_weights"] == digest(weights)
    assert [entry["precision"] for entry in record.scores] == ["float32", "int8"]
    assert [entry["accuracy"] for entry in record.scores] == [round(s.recall, 6) for s in scores]
    assert stored["scores"] == record.scores and 0.05 <= stored["score"] <= 0.95
    (compiled,) = compile_file(out / "tiny-finder.int8.onnx", host_targets()[0], tmp_path)
    assert known.answer(str(compiled)) == known.expected(record) == stored["sha256"]["known_answer"]
