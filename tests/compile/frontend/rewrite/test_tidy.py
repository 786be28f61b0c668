"""Names are unique, the order is one, and what nothing reads is gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import helper

from pocketvision.compile.frontend.normalise import normalise

from ..small import constants, kinds, model, node, same, saved


def test_names(tmp_path: Path) -> None:
    """A suffix asks what is taken, and the file's own names come first."""
    nodes = [
        node("Relu", ["x"], ["a"], "n"),
        node("Sigmoid", ["a"], ["b"], "n"),
        node("Neg", ["b"], ["n_1"]),
        node("Abs", ["n_1"], ["c"], "n_2"),
        node("Exp", ["c"], ["y"]),
    ]
    after, _ = normalise(saved(tmp_path, model(nodes)))
    assert [one.name for one in after.graph.node] == ["n", "n_1", "n_1_1", "n_2", "y"]


def test_what_nothing_reads(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["y"]),
        node("Mul", ["x", "c"], ["d"]),
        node("Add", ["d", "c"], ["e"]),
    ]
    info = [helper.make_tensor_value_info("d", 1, [1, 4, 6, 6])]
    after = same(tmp_path, model(nodes, {"c": np.float32([1]), "b": [1]}, value_info=info))
    assert kinds(after) == ["Relu"] and not constants(after) and not after.graph.value_info


def test_order(tmp_path: Path) -> None:
    """onnxruntime takes files whose nodes stand in any order."""
    nodes = [node("Relu", ["x"], ["a"]), node("Exp", ["a"], ["b"]), node("Neg", ["b"], ["y"])]
    assert kinds(same(tmp_path, model(nodes[::-1]))) == ["Relu", "Exp", "Neg"]


def test_outputs_get_the_shape_that_the_file_leaves_open(tmp_path: Path) -> None:
    made = model([node("Flatten", ["x"], ["y"])], y=("batch", None))
    after = same(tmp_path, made)
    assert [d.dim_value for d in after.graph.output[0].type.tensor_type.shape.dim] == [1, 144]
