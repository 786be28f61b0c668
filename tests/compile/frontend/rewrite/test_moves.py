"""Operators that change nothing are gone; those that only name a shape are Reshape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import constants, kinds, model, node, same, saved

# The node between two others, its constants, and whether it stays.
NOTHING = {
    "identity": (node("Identity", ["a"], ["b"]), {}),
    "dropout": (node("Dropout", ["a"], ["b"]), {}),
    "dropout in evaluation": (node("Dropout", ["a", "r", "t"], ["b"]),
                              {"r": np.float32(0.5), "t": np.bool_(False)}),
    "cast": (node("Cast", ["a"], ["b"], to=TensorProto.FLOAT), {}),
    "reshape": (node("Reshape", ["a", "s"], ["b"]), {"s": [0, 4, 6, -1]}),
    "transpose": (node("Transpose", ["a"], ["b"], perm=[0, 1, 2, 3]), {}),
    "expand": (node("Expand", ["a", "s"], ["b"]), {"s": [1, 1]}),
    "pad": (node("Pad", ["a", "s"], ["b"]), {"s": [0] * 8}),
    "slice": (node("Slice", ["a", "f", "t"], ["b"]), {"f": [0], "t": [99]}),
    "concat": (node("Concat", ["a"], ["b"], axis=1), {}),
    "sum": (node("Sum", ["a"], ["b"]), {}),
}  # fmt: skip
SOMETHING = {
    "cast": (node("Cast", ["a"], ["i"], to=TensorProto.INT32), {}),
    "transpose": (node("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2]), {}),
    "slice": (node("Slice", ["a", "f", "t", "x_", "m"], ["b"]),
              {"f": [-1], "t": [-99], "x_": [3], "m": [-1]}),
    "reshape": (node("Reshape", ["a", "s"], ["b"]), {"s": [1, 6, 4, 6]}),
}  # fmt: skip
BEFORE, AFTER = node("Sigmoid", ["x"], ["a"]), node("Neg", ["b"], ["y"])


@pytest.mark.parametrize("name", NOTHING)
def test_what_changes_nothing(tmp_path: Path, name: str) -> None:
    between, values = NOTHING[name]
    after = same(tmp_path, model([BEFORE, between, AFTER], values))
    assert kinds(after) == ["Sigmoid", "Neg"]


@pytest.mark.parametrize("name", SOMETHING)
def test_what_changes_something(tmp_path: Path, name: str) -> None:
    between, values = SOMETHING[name]
    back = [node("Cast", ["i"], ["b"], to=TensorProto.FLOAT)] if name == "cast" else []
    before = node("Mul", ["x", "x"], ["a"])
    after = same(tmp_path, model([before, between, *back, AFTER], values))
    assert kinds(after)[1] == between.op_type


@pytest.mark.parametrize(
    "between, values, shape",
    [
        (node("Flatten", ["a"], ["b"]), {}, [1, 144]),
        (node("Flatten", ["a"], ["b"], axis=2), {}, [4, 36]),
        (node("Unsqueeze", ["a", "d"], ["b"]), {"d": [1]}, [1, 1, 4, 6, 6]),
        (node("Squeeze", ["a", "d"], ["b"]), {"d": [0]}, [4, 6, 6]),
        (node("Squeeze", ["a"], ["b"]), {}, [4, 6, 6]),
        (node("Reshape", ["a", "d"], ["b"]), {"d": [0, -1]}, [1, 144]),
    ],
    ids=["flatten", "flatten at 2", "unsqueeze", "squeeze", "squeeze all", "reshape"],
)
def test_reshapes_say_their_shape(tmp_path: Path, between, values, shape) -> None:
    after = same(tmp_path, model([BEFORE, between, AFTER], values))
    assert kinds(after) == ["Sigmoid", "Reshape", "Neg"]
    assert constants(after)[after.graph.node[1].input[1]].tolist() == shape


def test_outputs_keep_their_names(tmp_path: Path) -> None:
    """Two outputs of one value: one node cannot write both names."""
    made = model([BEFORE, node("Identity", ["a"], ["y"]), node("Identity", ["a"], ["z"])])
    made.graph.output.add().CopyFrom(made.graph.output[0])
    made.graph.output[1].name = "z"
    after = same(tmp_path, made)
    assert [value.name for value in after.graph.output] == ["y", "z"]
    assert kinds(after) == ["Sigmoid", "Identity"]


def test_an_output_that_is_the_input(tmp_path: Path) -> None:
    assert kinds(same(tmp_path, model([node("Dropout", ["x"], ["y"])]))) == ["Identity"]


def test_a_chain_of_nothing_to_an_output(tmp_path: Path) -> None:
    chain = [BEFORE, *(node("Identity", [a], [b]) for a, b in ("ab", "bc", "cy"))]
    assert kinds(same(tmp_path, model([*chain]))) == ["Sigmoid"]


@pytest.mark.parametrize("mask", [False, True])
def test_dropout_that_drops(tmp_path: Path, mask: bool) -> None:
    nodes = [node("Dropout", ["x", "r", "t"], ["y", *(["m"] * mask)], "drop")]
    nodes += [node("Cast", ["m"], ["z"], to=TensorProto.FLOAT)] * mask
    made = model(nodes, {"r": np.float32(0.5), "t": np.bool_(not mask)})
    if mask:
        made.graph.output.add().CopyFrom(made.graph.output[0])
        made.graph.output[1].name = "z"
    with pytest.raises(CompileError, match="node 'drop'.*evaluation mode"):
        normalise(saved(tmp_path, made))
