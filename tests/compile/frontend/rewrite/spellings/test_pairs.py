"""Quantize- and DequantizeLinear of any spelling read as the standard's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...small import MICROSOFT, constants, kinds, model, node, same


@pytest.mark.parametrize("domain", ["", MICROSOFT])
@pytest.mark.parametrize("shape", [(), (1,)], ids=["scalar", "vector"])
def test_one_number(tmp_path: Path, domain: str, shape: tuple[int, ...]) -> None:
    values = {"s": np.full(shape, 0.03, np.float32), "z": np.full(shape, 7, np.int8)}
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"], domain=domain),
        node("DequantizeLinear", ["q", "s", "z"], ["y"], domain=domain),
    ]
    after = same(tmp_path, model(nodes, values))
    assert not [one for one in after.graph.node if one.domain or one.attribute]
    assert {v.shape for v in constants(after).values()} == {()}


@pytest.mark.parametrize("domain", ["", MICROSOFT])
def test_a_number_a_channel(tmp_path: Path, domain: str) -> None:
    stored = np.random.default_rng(0).integers(-99, 99, (4, 4, 1, 1)).astype(np.int8)
    scales = np.float32([0.01, 0.02, 0.03, 0.04])
    values = {"s": scales, "z": np.zeros(4, np.int8), "w": stored}
    nodes = [
        node("DequantizeLinear", ["w", "s", "z"], ["d"], domain=domain, axis=0),
        node("Conv", ["x", "d"], ["y"]),
    ]
    after = same(tmp_path, model(nodes, values))
    assert kinds(after) == ["DequantizeLinear", "Conv"]
    assert [(a.name, a.i) for a in after.graph.node[0].attribute] == [("axis", 0)]
