"""BatchNormalization is one factor and one offset a channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import constants, kinds, model, node, same, saved

PARAMETERS = {
    "g": np.float32([0.5, -1, 2, 3]),
    "b": np.float32([0, 1, -2, 0.25]),
    "m": np.float32([0.1, 0, -3, 2]),
    "v": np.float32([1, 0.01, 4, 9]),
}
NAMES = ["x", *PARAMETERS]


@pytest.mark.parametrize("opset", [9, 13, 21])
@pytest.mark.parametrize("x", [(1, 4, 6, 6), (1, 4, 9), (1, 4)], ids=["map", "row", "vector"])
def test_factor_and_offset(tmp_path: Path, x: tuple[int, ...], opset: int) -> None:
    made = model([node("BatchNormalization", NAMES, ["y"], epsilon=1e-3)], PARAMETERS, x=x,
                 opset=opset)  # fmt: skip
    after = same(tmp_path, made)
    assert kinds(after) == ["Mul", "Add"]
    assert {v.shape for v in constants(after).values()} == {(4, *([1] * (len(x) - 2)))}


def test_parameters_that_are_quantised(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["g"]),
        node("BatchNormalization", NAMES, ["y"]),
    ]
    values = {**PARAMETERS, "q": np.int8([1, 2, -3, 50]), "s": np.float32(0.02)}
    del values["g"]
    assert kinds(same(tmp_path, model(nodes, values))) == ["Mul", "Add"]


def test_training_mode(tmp_path: Path) -> None:
    bn = node("BatchNormalization", NAMES, ["y", "a", "c"], "norm", training_mode=1)
    path = saved(tmp_path, model([bn], PARAMETERS))
    with pytest.raises(CompileError, match="node 'norm' .*evaluation mode"):
        normalise(path)


def test_parameters_of_another_count(tmp_path: Path) -> None:
    bn = node("BatchNormalization", NAMES, ["y"], "norm")
    path = saved(tmp_path, model([bn], {**PARAMETERS, "v": np.float32([1, 2])}))
    with pytest.raises(CompileError, match="small.onnx: .*(norm|BatchNorm)"):
        normalise(path)
