"""A detector's weights to int8 and machine code: its maps, its record, no transpose, its faces."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import pocketvision  # noqa: E402
from pocketvision import _runtime  # noqa: E402
from pocketvision.compile import compile_file  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph import ops  # noqa: E402
from pocketvision.compile.pipeline import optimise  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.record.detection import FaceDetection  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate.detect import opened  # noqa: E402
from pocketvision.training.models.detector import LOGIT, STRIDES  # noqa: E402
from pocketvision.training.quantize.trained import quantize_weights  # noqa: E402
from pocketvision.training.run import state  # noqa: E402

from ...csrc import detect_reference  # noqa: E402

HEIGHT, WIDTH = 64, 96
ARCHITECTURE = {
    "family": "facefinder", "embedding": 16, "size": WIDTH, "height": HEIGHT, "stem": 16,
    "widths": [16, 32, 32, 32], "blocks": [1, 2, 1, 1], "towers": [1, 0, 0],
}  # fmt: skip


def untrained(folder: Path, tag: str, data: str = "") -> Path:
    """Weights in ``folder``, with their record, of a small detector that was never trained and
    takes half of all cells for faces."""
    torch.manual_seed(4)
    entry = models.built("tiny-finder", ARCHITECTURE)
    network = entry.make()
    with torch.no_grad():
        for head in network.heads:
            head.weight.normal_(std=0.4)
            head.bias[:2] = 0.0
    state.save_weights(folder / "model.safetensors", network)
    record = Record(
        "tiny-finder", tag, "face-detection",
        {"size": [HEIGHT, WIDTH], "colour": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3},
        FaceDetection(list(STRIDES), 0.5, 0.45, LOGIT), data=data,
        architecture=dict(entry.architecture or {}),
    )  # fmt: skip
    (folder / "model.json").write_text(record.to_json())
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    weights = untrained(folder, "t")
    pictures = np.random.default_rng(1).integers(0, 256, (24, HEIGHT, WIDTH, 3), dtype=np.uint8)
    return quantize_weights(weights, pictures, folder / "tiny.int8.onnx").file


def test_three_maps_and_no_transpose_left(int8: Path) -> None:
    graph = optimise(load(int8))
    shapes = [graph.tensors[name].shape for name in graph.outputs]
    assert shapes == [(HEIGHT // s, WIDTH // s, 16) for s in STRIDES]
    # A transpose would be a Move; the maps are doubled by operators of their own.
    assert not any(isinstance(op, ops.Move) for op in graph.ops)


def test_machine_code_finds_what_its_outputs_say(int8: Path, tmp_path: Path) -> None:
    """The whole road from pixels to faces, beside a slow decoding of the network's own outputs."""
    target = _runtime.host_targets()[-1]
    (file,) = compile_file(int8, target, tmp_path)
    detector = pocketvision.Detector(file)
    picture = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    model = detector.model
    recipe = model.record.preprocess
    real = (picture - np.array(recipe["mean"])) / np.array(recipe["std"])
    outputs = model.run(real.astype(np.float32), dequantise=False)
    levels = [
        {
            "stride": stride,
            "zero_point": tensor.zero_point,
            "step": detect_reference.step(tensor.scale, stride),
            "chance": detect_reference.chances(
                tensor.scale, tensor.zero_point, LOGIT, tensor.dtype == "int8"
            ),
        }
        for stride, tensor in zip(STRIDES, model.outputs, strict=True)
    ]
    overlap = round(0.45 * 65536)
    wanted = detect_reference.decode(
        [outputs[tensor.name] for tensor in model.outputs], levels, round(0.5 * 65535), overlap,
        512, 256,
    )  # fmt: skip
    found = detector.find(picture)
    assert len(wanted) > 3
    np.testing.assert_array_equal(found.boxes * 256, [box for box, _, _ in wanted])
    np.testing.assert_array_equal(
        found.landmarks.reshape(-1, 10) * 256, [points for _, points, _ in wanted]
    )
    assert all(
        math.isclose(s, w / 65535) for s, (_, _, w) in zip(found.scores, wanted, strict=True)
    )


def test_it_can_be_judged_in_every_form(int8: Path, tmp_path: Path) -> None:
    """Float weights, int8 file and machine code say nearly the same of a picture."""
    (file,) = compile_file(int8, _runtime.host_targets()[-1], tmp_path)
    picture = np.random.default_rng(9).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    first = []
    for path in (int8.parent / "model.safetensors", int8, file):
        detect, size = opened.opened(path)
        assert size == (HEIGHT, WIDTH)
        found = detect(picture)
        assert len(found.scores) > 3
        first.append(found)
    np.testing.assert_allclose(first[1].scores[:3], first[2].scores[:3], atol=0.03)
    assert abs(first[0].scores[0] - first[2].scores[0]) < 0.15
    with pytest.raises(ValueError, match="has one size of input"):
        opened.opened(int8, (64, 64))
    with pytest.raises(FileNotFoundError, match="no such model"):
        opened.opened(tmp_path / "none.onnx")
