"""Strict shapes: what operators give, and errors where the file says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import shapes
from pocketvision.compile.frontend.normalise import normalise

from .small import model, node, run, saved

W = np.random.default_rng(1).normal(0, 1, (8, 4, 3, 3)).astype(np.float32)


def test_every_value(tmp_path: Path) -> None:
    """Against the sizes that onnxruntime's results have."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], strides=[2, 1], pads=[1, 0, 1, 2]),
        node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], ceil_mode=1, strides=[2, 2]),
        node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
        node("Reshape", ["c", "s"], ["y"]),
    ]
    made, _ = normalise(saved(tmp_path, model(nodes, {"w": W, "s": [0, -1, 4]})))
    found = shapes.infer(made, "small.onnx")
    kinds = shapes.types(made)
    assert found["x"] == (1, 4, 6, 6) and found["w"] == W.shape
    for name in ("a", "b", "c"):
        made.graph.output.append(helper.make_tensor_value_info(name, 1, None))
    results = run(made, {"x": np.zeros((1, 4, 6, 6), np.float32)})
    for value, result in zip(made.graph.output, results, strict=True):
        assert found[value.name] == result.shape
        assert kinds[value.name] == TensorProto.FLOAT


def refused(made: onnx.ModelProto, *words: str) -> None:
    with pytest.raises(CompileError) as caught:
        shapes.infer(made, "small.onnx")
    for word in ("small.onnx", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("kind", ["value_info", "output"])
@pytest.mark.parametrize("claim", [[1, 8, 60, 60], [1, 8, 4], [8, 4, 4]])
def test_a_shape_that_the_operators_deny(kind: str, claim: list[int]) -> None:
    made = model([node("Conv", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])], {"w": W})
    name = "a" if kind == "value_info" else "y"
    values = made.graph.value_info if kind == "value_info" else made.graph.output
    del values[:]
    values.append(helper.make_tensor_value_info(name, 1, claim))
    refused(made, f"value '{name}'", f"({', '.join(map(str, claim))})", "(1, 8, 4, 4)", "export")


def test_sizes_that_the_file_leaves_open_agree() -> None:
    made = model([node("Conv", ["x", "w"], ["y"])], {"w": W}, y=("batch", 8, None, 0))
    assert shapes.infer(made, "small.onnx")["y"] == (1, 8, 4, 4)


def conv(**attributes: Any) -> onnx.ModelProto:
    return model([node("Conv", ["x", "w"], ["y"], "fold", **attributes)], {"w": W})


def pool(**attributes: Any) -> onnx.ModelProto:
    return model([node("MaxPool", ["x"], ["y"], "fold", **attributes)])


CASES = {
    "kernel": (conv(kernel_shape=[5, 5]), "kernel_shape"),
    "kernel of one": (conv(kernel_shape=[3]), "fold"),
    "stride 0": (conv(strides=[0, 1]), "fold"),
    "negative stride": (conv(strides=[1, -2]), "fold"),
    "pads of two": (conv(pads=[1, 1]), "fold"),
    "negative pads": (conv(pads=[-1, 0, 0, 0]), "pads"),
    "dilation 0": (conv(dilations=[0, 0]), "fold"),
    "group": (conv(group=2), "group 2"),
    "group 0": (conv(group=0), "group 0"),
    "group that divides nothing": (
        model([node("Conv", ["x", "w"], ["y"], "fold", group=4)], {"w": W[:7, :1]}), "group 4"),
    "auto_pad": (conv(auto_pad="SAME_BOTH"), "auto_pad"),
    "large window": (model([node("Conv", ["x", "w"], ["y"], "fold")],
                           {"w": np.zeros((1, 4, 9, 9), np.float32)}), "fold"),
    "pool pads": (pool(kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "pads"),
    "pool stride": (pool(kernel_shape=[2, 2], strides=[0, 0]), "fold"),
    "pool of nothing": (pool(kernel_shape=[0, 2]), "kernel_shape"),
    "channels": (model([node("Conv", ["x", "w"], ["y"], "fold")], {"w": W[:, :3]}), "fold"),
    "matrix": (model([node("MatMul", ["x", "w"], ["y"], "fold")],
                     {"w": np.zeros((5, 5), np.float32)}), "fold"),
    "add": (model([node("Add", ["x", "w"], ["y"], "fold")], {"w": W[:5, 0, 0, 0]}), "fold"),
    "transposed group": (model([node("ConvTranspose", ["x", "w"], ["y"], "fold", group=3)],
                               {"w": W[:4]}), "group=3"),
    "reshape": (model([node("Reshape", ["x", "s"], ["y"], "fold")], {"s": [7, -1]}), "fold"),
    "types": (model([node("Add", ["x", "c"], ["y"], "fold")], {"c": np.int32([1])}), "fold"),
    "unknown shape": (model([node("Reshape", ["x", "s"], ["z"], "fold"),
                             node("Relu", ["z"], ["y"], "next")], {}), "fold"),
    "foreign": (model([node("Conv", ["x", "w"], ["y"], "fold", domain="my.domain")], {"w": W}),
                "my.domain"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_attributes_that_do_not_fit(name: str) -> None:
    made, word = CASES[name]
    if name == "foreign":
        made.opset_import.append(helper.make_opsetid("my.domain", 1))
    if name == "unknown shape":
        made.graph.input.append(helper.make_tensor_value_info("s", TensorProto.INT64, [2]))
    refused(made, "'fold'", word)


def test_sizes_out_of_all_proportion() -> None:
    up = np.float32([1, 1, 1e4, 1e4])
    made = model([node("Resize", ["x", "", "s"], ["y"], "fold")], {"s": up})
    refused(made, "'fold'", "numbers", "use a smaller input")
    refused(model([node("Relu", ["x"], ["y"])], x=(1, 1 << 20, 1 << 20)), "input 'x'", "numbers")


def test_an_empty_result() -> None:
    nodes = [node("Slice", ["x", "f", "t"], ["y"], "fold")]
    refused(model(nodes, {"f": [0, 0, 3], "t": [1, 4, 3]}), "'fold'", "holds nothing")
