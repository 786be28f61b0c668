"""Every quantiser: its file is int8 in its own form, and near the float network."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from .quantisers.table import QUANTISERS
from .run import feeds, session
from .zoo import build


@pytest.mark.parametrize("quantiser", QUANTISERS)
def test_a_quantised_network_is_near_the_float_one(quantiser: str) -> None:
    if quantiser == "nncf" and find_spec("nncf") is None:
        pytest.skip("nncf is not installed; pip install nncf")
    model = build("grouped")
    runner = session(model)
    found = QUANTISERS[quantiser](model, feeds(runner, 4, seed=2))
    convolution = "QLinearConv" if quantiser.startswith("qop") else "Conv"
    assert sum(node.op_type == convolution for node in found.graph.node) == 4
    assert any(node.op_type == "QuantizeLinear" for node in found.graph.node)
    other = session(found)
    for noise in feeds(runner, 3):
        feed = {"x": noise["x"].clip(-1, 1)}  # what pictures reach, which ours calibrates with
        wanted, got = runner.run(None, feed)[0], other.run(None, feed)[0]
        assert np.abs(got - wanted).max() < 0.2 * np.abs(wanted).max()
