"""Dynamic and fixed batches become 1; what has no fixed size otherwise is an error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import shapes
from pocketvision.compile.frontend.normalise import normalise

from ..small import feed, kinds, model, node, run, saved

W = np.random.default_rng(4).normal(0, 0.2, (5, 4, 3, 3)).astype(np.float32)
M = np.random.default_rng(4).normal(0, 0.2, (80, 3)).astype(np.float32)
CONV = node("Conv", ["x", "w"], ["c"])


def each(folder: Path, made: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """The normalised model, which gives for one picture what the file gives for each of a batch."""
    after, _ = normalise(saved(folder, made))
    given = feed(made, batch)
    whole = run(made, given)
    for picture in range(batch):
        one = run(after, {name: values[picture : picture + 1] for name, values in given.items()})
        for all_of, part in zip(whole, one, strict=True):
            expected = all_of.reshape(batch, -1)[picture]
            np.testing.assert_allclose(part.reshape(-1), expected, rtol=1e-5, atol=1e-6)
    shapes.infer(after, "small.onnx")
    return after


# The nodes behind a convolution (c is (N, 5, 4, 4)) and their constants; N stands for the batch.
BEHIND = {
    "flatten": ([node("Flatten", ["c"], ["f"]), node("Gemm", ["f", "m"], ["y"])], {}),
    "minus one": ([node("Reshape", ["c", "s"], ["y"])], {"s": [-1, 80]}),
    "shape": ([node("Shape", ["c"], ["h"]), node("Gather", ["h", "i"], ["n"]),
               node("Unsqueeze", ["n", "z"], ["u"]), node("Concat", ["u", "r"], ["s"], axis=0),
               node("Reshape", ["c", "s"], ["y"])], {"i": 0, "z": [0], "r": [-1]}),
}  # fmt: skip
OF_A_NUMBER = {
    **BEHIND,
    "number": ([node("Reshape", ["c", "s"], ["y"])], {"s": ["N", 80]}),
    "constant node": ([node("Constant", [], ["s"], value_ints=[3, 80]),
                       node("Reshape", ["c", "s"], ["y"])], {}),
    "merged and back": ([node("Reshape", ["c", "s"], ["r"]), node("Relu", ["r"], ["v"]),
                         node("Reshape", ["v", "t"], ["y"])], {"s": [15, 16], "t": ["N", 5, 16]}),
}  # fmt: skip


def values(of: dict, batch: int) -> dict:
    filled = {
        name: [batch if size == "N" else size for size in v] if isinstance(v, list) else v
        for name, v in of.items()
    }
    return {"w": W, "m": M, **filled}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("axis", ["batch", None])
def test_a_dynamic_batch(tmp_path: Path, name: str, axis: str | None) -> None:
    nodes, constants = BEHIND[name]
    made = model([CONV, *nodes], values(constants, 3), x=(axis, 4, 6, 6), y=(axis, None))
    each(tmp_path, made, 3)


@pytest.mark.parametrize("name", OF_A_NUMBER)
def test_a_fixed_batch(tmp_path: Path, name: str) -> None:
    nodes, constants = OF_A_NUMBER[name]
    info = [helper.make_tensor_value_info("c", 1, [3, 5, 4, 4])]
    made = model([CONV, *nodes], values(constants, 3), x=(3, 4, 6, 6), value_info=info)
    each(tmp_path, made, 3)


def test_matrices_without_a_batch(tmp_path: Path) -> None:
    """The first axis of an input of rank 2 counts rows if the outputs do not share it."""
    made = model([node("Transpose", ["x"], ["y"])], x=(3, 7))
    after, _ = normalise(saved(tmp_path, made))
    assert kinds(after) == ["Transpose"]
    assert shapes.infer(after, "small.onnx")["y"] == (7, 3)


ACROSS = {
    "Softmax": (node("Softmax", ["x"], ["y"], "across", axis=0), {}),
    "ReduceMean": (node("ReduceMean", ["x", "a"], ["m"], "across"), {"a": [0, 2]}),
    "Reduce all": (node("ReduceMax", ["x"], ["m"], "across"), {}),
    "Transpose": (node("Transpose", ["x"], ["y"], "across", perm=[1, 0, 2, 3]), {}),
}


@pytest.mark.parametrize("name", ACROSS)
def test_an_operator_across_a_fixed_batch(tmp_path: Path, name: str) -> None:
    one, constants = ACROSS[name]
    nodes = [one] if one.output[0] == "y" else [one, node("Sub", ["x", "m"], ["y"])]
    path = saved(tmp_path, model(nodes, constants, x=(4, 4, 6, 6)))
    with pytest.raises(CompileError, match="node 'across'.*across the batch of 4.*with batch 1"):
        normalise(path)


def test_a_batch_that_a_constant_holds(tmp_path: Path) -> None:
    made = model([node("Add", ["x", "c"], ["y"])], {"c": np.zeros((3, 1, 1, 1), np.float32)},
                 x=(3, 4, 6, 6))  # fmt: skip
    with pytest.raises(CompileError, match="output 'y'.*batch of 3, which a constant holds"):
        normalise(saved(tmp_path, made))


@pytest.mark.parametrize(
    "x, words",
    [
        ((1, 3, "height", 6), ["input 'x'", "axis 2", "'height'", "make_dynamic_shape_fixed"]),
        (("n", 3, None, 6), ["input 'x'", "axis 2", "without a name"]),
        (("n",), ["input 'x'", "axis 0", "'n'"]),
        ((1, 3, 0, 6), ["input 'x'", "axis 2"]),
    ],
)
def test_other_axes(tmp_path: Path, x: Sequence[int | str | None], words: list[str]) -> None:
    path = saved(tmp_path, model([node("Relu", ["x"], ["y"])], x=x))
    with pytest.raises(CompileError) as caught:
        normalise(path)
    assert all(word in str(caught.value) for word in ["small.onnx", *words])
