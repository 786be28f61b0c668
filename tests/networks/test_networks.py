"""Every network of the list: a valid file of the published size, and alive in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from .isolate import isolated
from .quantisers.table import QUANTISERS
from .run import feeds, session
from .zoo import NETWORKS, build


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_what_it_says(name: str) -> None:
    entry = NETWORKS[name]
    net = entry.make(entry.least)
    if entry.parameters is not None:
        assert net.parameters + entry.running * net.running == entry.parameters
    model = net.model()
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for value in inferred.graph.value_info:
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim[1:])
        said = net.shapes.get(value.name, ())
        assert not said or 0 in shape or shape == said, value.name


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_neither_saturates_nor_vanishes(name: str) -> None:
    """Of two inputs the outputs differ, by an amount of the order of the outputs themselves."""
    runner = session(build(name, NETWORKS[name].least))
    one, other = (runner.run(None, feed) for feed in feeds(runner, 2))
    for a, b in zip(one, other, strict=True):
        assert np.isfinite(a).all() and np.isfinite(b).all()
        assert np.abs(a).max() < 100
        assert np.abs(a - b).mean() > 0.01 * np.abs(a).mean() > 0


def test_a_network_is_the_same_every_time() -> None:
    """Weights are; statistics are measured, and may differ between processors."""
    one, other = (build("lenet").SerializeToString() for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    "quantiser",
    [
        pytest.param(name, marks=pytest.mark.deep if name in ("u8s8", "nncf") else pytest.mark.full)
        for name in QUANTISERS
    ],
)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_compiles_and_agrees_with_onnxruntime(
    name: str, quantiser: str, tmp_path: Path
) -> None:
    one = isolated(name, quantiser, NETWORKS[name].least, tmp_path, limit=900)
    if one.verdict == "no file":
        pytest.skip(one.said)
    assert one.verdict == "ok", one
