"""Files of opset 9 to 20 mean the same in the form of opset 21."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import kinds, model, node, same, saved

UP = np.float32([1, 1, 2, 2])
ONES = np.linspace(0.5, 2, 4, dtype=np.float32)
Q = {"s": np.float32(0.1), "z": np.uint8(120)}
CASES = {
    "clip": (9, [node("Clip", ["x"], ["y"], min=-1.0, max=1.5)], {}),
    "clip above": (10, [node("Clip", ["x"], ["y"], max=1.5)], {}),
    "upsample nearest": (9, [node("Upsample", ["x", "s"], ["y"], mode="nearest")], {"s": UP}),
    "upsample linear": (9, [node("Upsample", ["x", "s"], ["y"], mode="linear")], {"s": UP}),
    "resize nearest": (10, [node("Resize", ["x", "s"], ["y"])], {"s": UP * np.float32(1.25)}),
    "resize linear": (10, [node("Resize", ["x", "s"], ["y"], mode="linear")], {"s": UP}),
    "resize of opset 11": (11, [node("Resize", ["x", "r", "s"], ["y"], mode="linear")],
                           {"s": UP, "r": np.float32([])}),
    "pad": (9, [node("Pad", ["x"], ["y"], pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5)], {}),
    "slice": (9, [node("Slice", ["x"], ["y"], axes=[1, 3], starts=[1, 0], ends=[3, 99])], {}),
    "softmax over all": (9, [node("Softmax", ["x"], ["y"])], {}),
    "softmax last": (11, [node("Softmax", ["x"], ["y"], axis=3)], {}),
    "mean": (9, [node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)], {}),
    "sum": (12, [node("ReduceSum", ["x"], ["y"], axes=[1])], {}),
    "squeeze": (11, [node("ReduceMax", ["x"], ["a"], axes=[2]),
                     node("Squeeze", ["a"], ["y"], axes=[2])], {}),
    "unsqueeze": (12, [node("Unsqueeze", ["x"], ["y"], axes=[1])], {}),
    "split": (11, [node("Split", ["x"], ["a", "b"], axis=1, split=[1, 3]),
                   node("Concat", ["b", "a"], ["y"], axis=1)], {}),
    "split in halves": (13, [node("Split", ["x"], ["a", "b"], axis=1),
                             node("Sub", ["b", "a"], ["y"])], {}),
    "dropout": (9, [node("Dropout", ["x"], ["d"], ratio=0.3), node("Relu", ["d"], ["y"])], {}),
    "hard sigmoid": (9, [node("HardSigmoid", ["x"], ["y"])], {}),
    "hard swish": (14, [node("HardSwish", ["x"], ["y"])], {}),
    "prelu": (9, [node("PRelu", ["x", "c"], ["y"])], {"c": ONES.reshape(4, 1, 1)}),
    "depth to space": (9, [node("DepthToSpace", ["x"], ["y"], blocksize=2)], {}),
    "pool": (9, [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2])], {}),
    "pair": (10, [node("QuantizeLinear", ["x", "s", "z"], ["q"]),
                  node("DequantizeLinear", ["q", "s", "z"], ["y"])], Q),
    "constant node": (9, [node("Constant", [], ["c"], value=onnx.numpy_helper.from_array(ONES[:1])),
                          node("Mul", ["x", "c"], ["y"])], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_same_numbers(tmp_path: Path, name: str) -> None:
    opset, nodes, constants = CASES[name]
    after = same(tmp_path, model(nodes, constants, opset=opset))
    assert "Upsample" not in kinds(after)


def test_average_pool_within_its_rounding(tmp_path: Path) -> None:
    """onnxruntime has two kernels of it: one before opset 19, one from there on."""
    pool = node("AveragePool", ["x"], ["y"], kernel_shape=[3, 2], ceil_mode=1, strides=[2, 2])
    same(tmp_path, model([pool], opset=10), steps=1e-6)


def test_a_later_opset_stays(tmp_path: Path) -> None:
    after = same(tmp_path, model([node("Relu", ["x"], ["y"])], opset=23))
    assert after.opset_import[0].version == 23


def test_names_survive(tmp_path: Path) -> None:
    nodes = [node("Clip", ["x"], ["c"], "knee", max=1.0), node("Relu", ["c"], ["y"], "bend")]
    after = same(tmp_path, model(nodes, opset=9))
    assert [one.name for one in after.graph.node] == ["knee", "bend"]


def test_subgraphs_are_upgraded_too(tmp_path: Path) -> None:
    branches = {
        f"{side}_branch": helper.make_graph(
            [node("Clip", ["x"], [f"{side}_y"], max=top)],
            side,
            [],
            [helper.make_tensor_value_info(f"{side}_y", 1, None)],
        )
        for side, top in (("then", 1.0), ("else", 2.0))
    }
    made = model([node("If", ["c"], ["y"], **branches)], {"c": np.bool_(True)}, opset=10)
    assert kinds(same(tmp_path, made)) == ["Clip"]


@pytest.mark.parametrize("opset, words", [(8, "opset 8"), (99, "pip install --upgrade onnx")])
def test_what_cannot_be_upgraded(tmp_path: Path, opset: int, words: str) -> None:
    made = model([node("Relu", ["x"], ["y"])])
    made.opset_import[0].version = opset
    with pytest.raises(CompileError, match=words):
        normalise(saved(tmp_path, made))
