"""A registered face network keeps the int8 weights and scales that the quantiser always gave it.

A digest of all bytes would be that of one processor: a product summed in another order rounds
another way, and one weight in thousands is the next integer. So each tensor is held by what such
a weight does not move: its shape, its scales to six digits, and its mean and mean square.

    python -m tests.training.quantize.test_pinned     # writes pinned.json anew
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.quantize import calibrate, qdq  # noqa: E402
from pocketvision.training.quantize.fold import fold  # noqa: E402

NAMES = ("mobilefacenet", "pocketnet_s_128")
PINNED = Path(__file__).with_name("pinned.json")
"""By network and tensor (int8, int32, scales) [dtype, shape, mean, root of the mean square]."""


def noisy(name: str) -> torch.nn.Module:
    """The network with numpy's noise for weights, which no version of torch changes."""
    network = models.create(name).eval()
    noise = np.random.default_rng(11)
    for tensor in network.state_dict().values():
        if tensor.dtype == torch.float32:
            values = 0.1 + np.abs(noise.normal(0, 0.3, tuple(tensor.shape)))
            tensor.copy_(torch.from_numpy(values.astype(np.float32)))
    return network


def summary(model: onnx.ModelProto) -> dict[str, list[Any]]:
    """What ``PINNED`` holds of a network with all ranges -1 to 1."""
    found = {}
    for tensor in sorted(model.graph.initializer, key=lambda tensor: tensor.name):
        if tensor.name.endswith(("_quantized", "_scale", ".slope")):
            held = numpy_helper.to_array(tensor)
            values = held.astype(np.float64)
            size = float(np.sqrt(np.mean(values**2)))
            found[tensor.name] = [
                held.dtype.name, list(held.shape), float(f"{values.mean():.8g}"),
                float(f"{size:.8g}"),
            ]  # fmt: skip
    return found


def quantised(name: str, folder: Path) -> dict[str, list[Any]]:
    folded = fold(onnx.load(export(noisy(name), folder / "n.onnx")))
    names = ["input", *(output for node in folded.graph.node for output in node.output)]
    ranges = calibrate.share(folded, dict.fromkeys(names, (-1.0, 1.0)))
    return summary(qdq.quantize(folded, ranges))


def same(found: list[Any], wanted: list[Any]) -> bool:
    """Integers to a weight in a thousand that is the next integer, scales to six digits."""
    if found[:2] != wanted[:2]:
        return False
    within = {"rel": 1e-6} if wanted[0] == "float32" else {"rel": 1e-5, "abs": 1e-3}
    return found[2:] == pytest.approx(wanted[2:], **within)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_a_face_network(tmp_path: Path, name: str) -> None:
    found, wanted = quantised(name, tmp_path), json.loads(PINNED.read_text())[name]
    assert found.keys() == wanted.keys()
    other = [tensor for tensor in wanted if not same(found[tensor], wanted[tensor])]
    assert not other, [(tensor, found[tensor], wanted[tensor]) for tensor in other[:3]]


def test_another_scale_and_another_rounding_are_noticed() -> None:
    weights = np.random.default_rng(1).integers(-127, 128, 4096).astype(np.int8)

    def held(values: np.ndarray) -> list[Any]:
        tensor = numpy_helper.from_array(values, "w_quantized")
        graph = onnx.helper.make_graph([], "g", [], [], [tensor])
        return summary(onnx.helper.make_model(graph))["w_quantized"]

    nearest = weights.copy()
    nearest[0] += 1
    assert same(held(nearest), held(weights))
    assert not same(held(np.maximum(weights - 1, -128).astype(np.int8)), held(weights))
    assert not same(held((weights * 0.99).astype(np.int8)), held(weights))
    scale = np.full(16, 0.0123, np.float32)
    assert not same(held(scale * np.float32(1 + 1e-5)), held(scale))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        known = {name: quantised(name, Path(place)) for name in NAMES}
    rows = (
        f'  "{name}": {{\n'
        + ",\n".join(f'    "{key}": {json.dumps(value)}' for key, value in tensors.items())
        + "\n  }"
        for name, tensors in known.items()
    )
    PINNED.write_text("{\n" + ",\n".join(rows) + "\n}\n")
