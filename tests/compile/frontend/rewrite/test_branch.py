"""An If of a constant condition is the branch that it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import kinds, model, node, same, saved


def branches(**nodes: list[onnx.NodeProto]) -> dict[str, onnx.GraphProto]:
    return {
        f"{side}_branch": helper.make_graph(
            list(of), side, [], [helper.make_tensor_value_info("r", 1, None)]
        )
        for side, of in nodes.items()
    }


TWO = {
    "then": [node("Relu", ["x"], ["r"])],
    "else": [node("Mul", ["x", "c"], ["c1"]), node("Neg", ["c1"], ["r"])],
}


@pytest.mark.parametrize("truth, kept", [(True, ["Relu"]), (False, ["Mul", "Neg"])])
def test_a_constant_condition(tmp_path: Path, truth: bool, kept: list[str]) -> None:
    """As an exporter writes a Squeeze that depends on the shape; names inside are met outside."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "i"], ["n"]),
        node("Equal", ["n", "four"], ["b"]),
        node("If", ["b"], ["c1_"], **branches(**TWO)),
        node("Identity", ["c1_"], ["y"]),
    ]
    values = {"i": 1, "four": 4 if truth else 5, "c": np.float32(3)}
    assert kinds(same(tmp_path, model(nodes, values))) == kept


def test_a_condition_that_hangs_on_the_input(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Greater", ["m", "c"], ["b"]),
        node("If", ["b"], ["y"], "fork", **branches(**TWO)),
    ]
    path = saved(tmp_path, model(nodes, {"c": np.float32(3)}))
    with pytest.raises(CompileError, match=r"small.onnx: node 'fork' \(If\).*export it by tracing"):
        normalise(path)
