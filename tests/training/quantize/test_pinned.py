"""A registered face network keeps the int8 weights and scales that the quantiser always gave it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.quantize import calibrate, qdq  # noqa: E402
from pocketvision.training.quantize.fold import fold  # noqa: E402

PINNED = {
    "mobilefacenet": "b8757baf3c907ea7de466f923c825d5e4115dffec9cd796ab2a5c74274b06402",
    "pocketnet_s_128": "264d665827ff825d81717ebbb522930a3a7bab667382234c4cdea69d7c20f66e",
}
"""SHA-256 of every int8 and int32 tensor and every scale, by name, with all ranges -1 to 1."""


def noisy(name: str) -> torch.nn.Module:
    """The network with numpy's noise for weights, which no version of torch changes."""
    network = models.create(name).eval()
    noise = np.random.default_rng(11)
    for tensor in network.state_dict().values():
        if tensor.dtype == torch.float32:
            values = 0.1 + np.abs(noise.normal(0, 0.3, tuple(tensor.shape)))
            tensor.copy_(torch.from_numpy(values.astype(np.float32)))
    return network


def digest(model: onnx.ModelProto) -> str:
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found = hashlib.sha256()
    for name in sorted(known):
        if name.endswith(("_quantized", "_scale", ".slope")):
            found.update(name.encode() + np.ascontiguousarray(known[name]).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("name", PINNED)
def test_the_numbers_of_a_face_network(tmp_path: Path, name: str) -> None:
    folded = fold(onnx.load(export(noisy(name), tmp_path / "n.onnx")))
    names = ["input", *(output for node in folded.graph.node for output in node.output)]
    ranges = calibrate.share(folded, dict.fromkeys(names, (-1.0, 1.0)))
    assert digest(qdq.quantize(folded, ranges)) == PINNED[name]
