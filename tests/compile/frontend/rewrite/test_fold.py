"""What depends on constants alone is a constant afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import constants, kinds, model, node, same, saved

WEIGHTS = np.linspace(-2, 2, 36, dtype=np.float32).reshape(6, 6)
C = {"c": WEIGHTS}


def add(*chain: onnx.NodeProto) -> list[onnx.NodeProto]:
    """``x`` plus the constant ``d`` at the end of a chain."""
    return [*chain, node("Add", ["x", "d"], ["y"])]


CASES = {
    "identity": (add(node("Identity", ["c"], ["b"]), node("Identity", ["b"], ["d"])), C),
    "reshape": (add(node("Reshape", ["c", "s"], ["d"])), {**C, "s": [1, 6, -1]}),
    "transpose": (add(node("Transpose", ["t"], ["d"])), {"t": WEIGHTS.T}),
    "cast": (add(node("Cast", ["i"], ["d"], to=1)), {"i": [3]}),
    "clip": (add(node("Clip", ["c", "", "m"], ["k"]), node("Unsqueeze", ["k", "a"], ["d"])),
             {**C, "m": np.float32(0.5), "a": [0]}),
    "concat": (add(node("Concat", ["e", "e"], ["d"], axis=2)),
               {"e": WEIGHTS[:4, :3].reshape(4, 1, 3)}),
    "slice": (add(node("Slice", ["c", "f", "t", "a"], ["d"])),
              {**C, "f": [0], "t": [1], "a": [1]}),
    "gather": (add(node("Gather", ["c", "i"], ["d"], axis=0)), {**C, "i": 2}),
    "arithmetic": (add(node("Mul", ["c", "f"], ["a"]), node("Sqrt", ["f"], ["b"]),
                       node("Sub", ["a", "b"], ["e"]), node("Unsqueeze", ["e", "u"], ["d"])),
                   {**C, "f": np.float32(3), "u": [0]}),
    "shape": ([node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["n"]),
               node("Unsqueeze", ["n", "z"], ["m"]), node("Concat", ["m", "r"], ["t"], axis=0),
               node("Reshape", ["x", "t"], ["y"])], {"i": 1, "z": [0], "r": [-1]}),
    "part of a shape": ([node("Shape", ["x"], ["s"], start=1, end=-1),
                         node("Concat", ["o", "s", "r"], ["t"], axis=0),
                         node("Reshape", ["x", "t"], ["y"])], {"o": [-1], "r": [3, 2]}),
    "size": (add(node("Size", ["x"], ["n"]), node("Cast", ["n"], ["d"], to=1)), {}),
    "range": (add(node("Range", ["a", "b", "e"], ["r"]), node("Cast", ["r"], ["d"], to=1)),
              {"a": 0, "b": 6, "e": 1}),
    "constant of shape": (add(node("ConstantOfShape", ["s"], ["d"], value=onnx.helper.make_tensor(
        "v", 1, [1], [2.5]))), {"s": [4, 1, 6]}),
    "quantised and back": (add(node("QuantizeLinear", ["c", "s", "z"], ["q"]),
                               node("DequantizeLinear", ["q", "s", "z"], ["b"]),
                               node("Neg", ["b"], ["n"]), node("Unsqueeze", ["n", "a"], ["d"])),
                           {**C, "s": np.float32(0.03), "z": np.int8(5), "a": [0]}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_only_what_reads_the_input_is_left(tmp_path: Path, name: str) -> None:
    nodes, values = CASES[name]
    after = same(tmp_path, model(nodes, values))
    assert kinds(after) in (["Add"], ["Reshape"])


@pytest.mark.parametrize(
    "attribute",
    [{"value_float": 2.5}, {"value_floats": [2.5, 1, 3, 4, 5, 6]},
     {"value": onnx.numpy_helper.from_array(np.float32([7]))}],
    ids=["float", "floats", "tensor"],
)  # fmt: skip
def test_constant_nodes(tmp_path: Path, attribute: dict) -> None:
    after = same(tmp_path, model(add(node("Constant", [], ["d"], **attribute))))
    assert kinds(after) == ["Add"]


def test_weights_behind_a_quantiser_are_integers(tmp_path: Path) -> None:
    """As files of quantisation-aware training have them; each channel has its own scale."""
    weights = np.random.default_rng(0).normal(0, 1, (5, 4, 3, 3)).astype(np.float32)
    values = {"w": weights, "s": np.linspace(0.01, 0.04, 5, dtype=np.float32),
              "z": np.zeros(5, np.int8)}  # fmt: skip
    nodes = [
        node("QuantizeLinear", ["w", "s", "z"], ["q"], axis=0),
        node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=0),
        node("Conv", ["x", "d"], ["y"]),
    ]
    after = same(tmp_path, model(nodes, values))
    assert kinds(after) == ["DequantizeLinear", "Conv"]
    stored = constants(after)[after.graph.node[0].input[0]]
    expected = np.clip(np.rint(weights / values["s"].reshape(5, 1, 1, 1)), -128, 127)
    assert stored.dtype == np.int8 and np.array_equal(stored, expected)


def test_initializers_that_are_inputs_too(tmp_path: Path) -> None:
    made = model([node("Add", ["x", "c"], ["y"])], {"c": np.float32([2])}, opset=11)
    made.graph.input.append(helper.make_tensor_value_info("c", 1, [1]))
    path = saved(tmp_path, made)
    after, _ = normalise(path)
    assert [value.name for value in after.graph.input] == ["x"]


def test_random_numbers_are_no_constants(tmp_path: Path) -> None:
    nodes = add(node("RandomNormal", [], ["d"], shape=[6]))
    after, _ = normalise(saved(tmp_path, model(nodes)))
    assert kinds(after) == ["RandomNormal", "Add"]


@pytest.mark.parametrize(
    "kind, attributes",
    [("ConstantOfShape", {}), ("Expand", {})],
)
def test_constants_out_of_all_proportion(tmp_path: Path, kind: str, attributes: dict) -> None:
    inputs = {"ConstantOfShape": ["s"], "Expand": ["c", "s"]}[kind]
    nodes = [node(kind, inputs, ["d"], "big"), node("ReduceMax", ["d"], ["m"], keepdims=0),
             node("Add", ["x", "m"], ["y"])]  # fmt: skip
    path = saved(tmp_path, model(nodes, {"s": [1 << 20, 1 << 20], "c": np.float32([1])}))
    with pytest.raises(CompileError, match=r"node 'big'.*export a smaller network"):
        normalise(path)


@pytest.mark.parametrize(
    "attribute", [{"value_string": "a"}, {"value_strings": ["a", "b"]}], ids=["one", "two"]
)
def test_strings(tmp_path: Path, attribute: dict) -> None:
    nodes = [node("Constant", [], ["t"], "text", **attribute), node("Relu", ["x"], ["y"])]
    with pytest.raises(CompileError, match=r"node 'text' \(Constant\).*strings"):
        normalise(saved(tmp_path, model(nodes)))
