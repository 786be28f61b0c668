"""Any chain of inverted residuals: it is built, trains, is exported, quantised and read back."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.inverted import Inverted  # noqa: E402
from pocketvision.training.quantize import calibrate, qdq  # noqa: E402

LAYERS = "16 k3e3, 24 k5e6 k3e3, 32 k7e3"
SMALL = {"family": "inverted", "layers": LAYERS, "stem": 8, "head": 32, "embedding": 12}


@pytest.mark.parametrize("size", [48, 80, 112])
@pytest.mark.parametrize(
    ("activation", "squeeze"), [("relu", 0.0), ("prelu", 0.0), ("swish", 0.25)]
)
def test_it_learns_at_any_size(size: int, activation: str, squeeze: float) -> None:
    values = SMALL | {"size": size, "activation": activation, "squeeze": squeeze}
    entry = models.built("found", values)
    net = entry.make()
    out = net(torch.randn(4, 3, size, size))
    assert out.shape == (4, 12) and (entry.input_size, entry.embedding) == (size, 12)
    (out * torch.randn(4, 12)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    assert dict(entry.architecture or {})["layers"] == LAYERS


def test_a_stage_may_keep_its_map() -> None:
    net = Inverted("8 k3e3, 8 k3e3 k3e6, 16 k3e3", 8, 16, strides=[2, 1, 2], size=64, embedding=4)
    assert [block.residual for block in net.blocks] == [False, True, True, False]
    assert net.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 4)


@pytest.mark.parametrize(("activation", "squeeze"), [("relu", 0.0), ("swish", 0.25)])
def test_its_int8_form_is_one_that_the_compiler_reads(
    tmp_path, lively, normalised: np.ndarray, activation: str, squeeze: float
) -> None:
    net = lively(Inverted(LAYERS, 8, 16, None, activation, squeeze, 48, 8), 48)
    import onnx

    path = export(net, tmp_path / "float.onnx", size=48)
    model = onnx.load(path)
    names = [*(value.name for value in model.graph.input), *calibrate.activations(model)]
    ranges = calibrate.share(model, dict.fromkeys(names, (-1.0, 1.0)))
    (tmp_path / "int8.onnx").write_bytes(qdq.quantize(model, ranges).SerializeToString())
    assert load(tmp_path / "int8.onnx")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 3}, "layers: expected text as '48 k3e3 k5e6, 96 k3e6', got 3"),
        ({"layers": "16"}, "expected a width and layers as 24 k5e3 k3e6, got '16'"),
        ({"layers": "16 3x3"}, "expected kernel and expansion as k3e6, got 3x3"),
        ({"strides": [2]}, "strides: expected 3, one a stage, got 1"),
        ({"activation": "gelu"}, "activation: expected one of relu, prelu, swish, got 'gelu'"),
        ({"size": 100}, "size: expected a multiple of 16 pixels, got 100"),
        ({"depth": 2}, "unexpected keyword argument 'depth'"),
    ],
)
def test_mistakes_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        models.built("found", SMALL | changes)
