"""What is written for each operator compiles, agrees with onnxruntime, and rounds no more often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, helper

from pocketvision.compile.graph import MatMul

from .tiny import compiled, draws, kinds, network, quantised

node = helper.make_node
Weights = dict[str, Any]
WEIGHTS = {
    "w": draws(1, 8, 3, 3, 3, spread=0.3), "b": draws(2, 8),
    "w2": draws(3, 6, 8, 3, 3, spread=0.2), "b2": draws(4, 6),
    "side": draws(12, 8, 8, 1, 1),
    "zero": np.float32(0), "six": np.float32(6), "three": np.float32(3),
}  # fmt: skip
NORM = {
    "gamma": draws(14, 8), "beta": draws(15, 8), "mean": draws(16, 8),
    "variance": np.abs(draws(17, 8)) + np.float32(0.1),
}  # fmt: skip


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def between(nodes: list[NodeProto], weights: Weights, opset: int = 17) -> onnx.ModelProto:
    """A convolution to "h", the nodes from "h" to "g", and a convolution of "g"."""
    first = node("Conv", ["x", "w", "b"], ["h"], pads=[1] * 4)
    last = node("Conv", ["g", "w2", "b2"], ["y"])
    whole = {**WEIGHTS, **weights}
    return network([first, *nodes, last], {"x": [1, 3, 8, 8]}, {"y": None}, whole, opset)


def one(kind: str, **attributes: object) -> list[NodeProto]:
    return [node(kind, ["h"], ["g"], **attributes)]


SIDE = node("Conv", ["h", "side"], ["k"])
# Nodes, weights of their own, and what the compiler makes of them between the convolutions.
CASES: dict[str, tuple[list[NodeProto], Weights, list[str]]] = {
    "relu": (one("Relu"), {}, []),
    "clip": ([node("Clip", ["h", "zero", "six"], ["g"])], {}, []),
    "max-min": ([node("Max", ["h", "zero"], ["c"]), node("Min", ["c", "six"], ["g"])], {}, []),
    "hard-swish": (one("HardSwish"), {}, ["Table"]),
    "hard-sigmoid": (one("HardSigmoid"), {}, ["Table"]),
    "silu": ([node("Sigmoid", ["h"], ["s"]), node("Mul", ["h", "s"], ["g"])], {}, ["Table"]),
    "gelu": (
        [
            node("Div", ["h", "root"], ["d"]), node("Erf", ["d"], ["e"]),
            node("Add", ["e", "one"], ["p"]), node("Mul", ["h", "p"], ["m"]),
            node("Mul", ["m", "half"], ["g"]),
        ],
        {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)},
        ["Table"],
    ),
    "hard-swish of four": (
        [
            node("Add", ["h", "three"], ["a"]), node("Clip", ["a", "zero", "six"], ["c"]),
            node("Mul", ["h", "c"], ["m"]), node("Div", ["m", "six"], ["g"]),
        ],
        {},
        ["Table"],
    ),
    "prelu": ([node("PRelu", ["h", "p"], ["g"])], {"p": abs(draws(5, 8, 1, 1))}, ["Rescale"]),
    "leaky-relu": (one("LeakyRelu", alpha=0.1), {}, ["Rescale"]),
    "gate": (
        [
            node("ReduceMean", ["h"], ["p"], axes=[2, 3]), node("Conv", ["p", "s"], ["q"]),
            node("HardSigmoid", ["q"], ["o"]), node("Mul", ["h", "o"], ["g"]),
        ],
        {"s": draws(6, 8, 8, 1, 1)},
        ["Pool", "Conv", "Table", "Multiply"],
    ),
    "nearest": (
        [node("Resize", ["h", "", "f"], ["g"], mode="nearest", nearest_mode="floor",
              coordinate_transformation_mode="asymmetric")],
        {"f": np.array([1, 1, 2, 2], np.float32)},
        ["Select"],
    ),
    "linear": (
        [node("Resize", ["h", "", "f"], ["g"], mode="linear")],
        {"f": np.array([1, 1, 2, 2], np.float32)},
        ["Interpolate"],
    ),
    "transposed": (
        [node("ConvTranspose", ["h", "t", "o"], ["g"], strides=[2, 2])],
        {"t": draws(10, 8, 8, 2, 2, spread=0.3), "o": draws(11, 8)},
        ["Select", "Conv"],
    ),
    "shuffle": (
        [
            node("Split", ["h", "halves"], ["a", "k"], axis=1),
            node("Concat", ["k", "a"], ["c"], axis=1),
            node("Reshape", ["c", "fine"], ["r"]),
            node("Transpose", ["r"], ["t"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["t", "whole"], ["g"]),
        ],
        {"halves": ints(4, 4), "fine": ints(1, 2, 4, 8, 8), "whole": ints(1, 8, 8, 8)},
        ["Select", "Select", "Concat", "Move"],
    ),
    "slices": (
        [
            node("Slice", ["h", "none", "four", "axis"], ["a"]),
            node("Slice", ["h", "four", "eight", "axis"], ["c"]),
            node("Concat", ["c", "a"], ["g"], axis=1),
        ],
        {"none": ints(0), "four": ints(4), "eight": ints(8), "axis": ints(1)},
        ["Select", "Select", "Concat"],
    ),
    "softmax": (one("Softmax", axis=1), {}, ["Softmax"]),
    "layer norm": (
        [node("LayerNormalization", ["h", "gain", "shift"], ["g"])],
        {"gain": draws(18, 8), "shift": draws(19, 8)},
        ["Move", "LayerNorm", "Move"],
    ),
    "layer norm of channels in nodes": (
        [
            node("Transpose", ["h"], ["t"], perm=[0, 2, 3, 1]),
            node("ReduceMean", ["t"], ["m"], axes=[-1]), node("Sub", ["t", "m"], ["c"]),
            node("Pow", ["c", "two"], ["q"]), node("ReduceMean", ["q"], ["v"], axes=[-1]),
            node("Add", ["v", "small"], ["e"]), node("Sqrt", ["e"], ["r"]),
            node("Div", ["c", "r"], ["d"]), node("Mul", ["d", "gain"], ["n"]),
            node("Add", ["n", "shift"], ["s"]),
            node("Transpose", ["s"], ["g"], perm=[0, 3, 1, 2]),
        ],
        {"gain": draws(18, 8), "shift": draws(19, 8), "two": np.float32(2),
         "small": np.float32(1e-5)},
        ["LayerNorm"],
    ),
    "positions": ([node("Add", ["h", "p"], ["g"])], {"p": draws(20, 1, 8, 8, 8)},
                  ["Constant", "Add"]),
    "pad": (
        [node("Relu", ["h"], ["r"]), node("Pad", ["r", "p", "v"], ["g"])],
        {"p": ints(0, 0, 1, 1, 0, 0, 2, 2), "v": np.float32(-1.5)},
        ["Select"],
    ),
    "add": (
        [SIDE, node("Add", ["k", "h"], ["s"]), node("Relu", ["s"], ["g"])], {}, ["Conv", "Add"]
    ),
    "norm behind a pool": (
        [node("MaxPool", ["h"], ["m"], kernel_shape=[2, 2]),
         node("BatchNormalization", ["m", *NORM], ["g"])],
        NORM,
        ["Pool", "Conv"],
    ),
    "norm beside its input": (
        [node("BatchNormalization", ["h", *NORM], ["n"]), node("Add", ["n", "h"], ["g"])],
        NORM,
        ["Conv", "Add"],
    ),
    "factors behind a layer": (
        [node("Mul", ["h", "f"], ["m"]), node("Sub", ["three", "m"], ["a"]),
         node("Relu", ["a"], ["g"])],
        {"f": draws(14, 8, 1, 1)},
        [],
    ),
    "average": (one("AveragePool", kernel_shape=[3, 3], pads=[1] * 4), {}, ["Pool"]),
    "depth to space": (
        [node("Conv", ["h", "d"], ["k"]), node("DepthToSpace", ["k"], ["g"], blocksize=2)],
        {"d": draws(13, 32, 8, 1, 1)},
        ["Conv", "Move"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operator(tmp_path: Path, name: str) -> None:
    nodes, weights, expected = CASES[name]
    done = quantised(between(nodes, weights), tmp_path, draws(99, 40, 3, 8, 8))
    assert done.cosines["y"] > 0.999
    assert kinds(compiled(done)) == ["Conv", *expected, "Conv"]


def test_attention(tmp_path: Path) -> None:
    """The scale behind a product is in its rescale, and nothing is float."""
    nodes = [
        node("Reshape", ["h", "rows"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["t", "r"], ["m"]), node("Mul", ["m", "part"], ["n"]),
        node("Softmax", ["n"], ["s"]), node("MatMul", ["s", "t"], ["v"]),
        node("Transpose", ["v"], ["u"], perm=[0, 2, 1]), node("Reshape", ["u", "map"], ["g"]),
    ]  # fmt: skip
    own = {"rows": ints(1, 8, 64), "map": ints(1, 8, 8, 8), "part": np.float32(0.3)}
    done = quantised(between(nodes, own), tmp_path, draws(99, 40, 3, 8, 8))
    assert done.cosines["y"] > 0.998
    found = [kind for kind in kinds(compiled(done)) if kind != "Move"]
    assert found == ["Conv", "MatMul", "Softmax", "MatMul", "Conv"]


def test_a_temperature_of_each_head(tmp_path: Path) -> None:
    """In the rescale of the products, as EdgeFace has it."""
    nodes = [
        node("Reshape", ["h", "rows"], ["r"]), node("Transpose", ["r"], ["t"], perm=[0, 1, 3, 2]),
        node("MatMul", ["r", "t"], ["m"]), node("Mul", ["m", "part"], ["n"]),
        node("Softmax", ["n"], ["s"]), node("MatMul", ["s", "r"], ["v"]),
        node("Reshape", ["v", "map"], ["g"]),
    ]  # fmt: skip
    own = {"rows": ints(1, 2, 4, 64), "map": ints(1, 8, 8, 8)}
    own["part"] = np.float32([0.02, 0.05]).reshape(2, 1, 1)
    done = quantised(between(nodes, own), tmp_path, draws(99, 40, 3, 8, 8))
    assert done.cosines["y"] > 0.998
    graph = compiled(done)
    assert not any(graph.tensors[op.output].real for op in graph.ops)
    scale = next(op for op in graph.ops if isinstance(op, MatMul)).scale
    assert scale[1] / scale[0] == pytest.approx(2.5)


def test_gelu_of_one_operator(tmp_path: Path) -> None:
    done = quantised(between(one("Gelu"), {}, opset=20), tmp_path, draws(99, 40, 3, 8, 8))
    assert done.cosines["y"] > 0.999
    assert kinds(compiled(done)) == ["Conv", "Table", "Conv"]


@pytest.mark.parametrize("pool", [False, True])
def test_a_relu_whose_result_shares_a_wider_range_stays(tmp_path: Path, pool: bool) -> None:
    pooled = [node("MaxPool", ["r"], ["m"], kernel_shape=[1, 1])] if pool else []
    joined = node("Concat", ["m" if pool else "r", "h"], ["g"], axis=1)
    nodes = [SIDE, node("Relu", ["k"], ["r"]), *pooled, joined]
    weights = {"w2": draws(3, 6, 16, 3, 3, spread=0.2)}
    done = quantised(between(nodes, weights), tmp_path, draws(99, 40, 3, 8, 8))
    assert done.cosines["y"] > 0.999
    assert "Relu" in {n.op_type for n in onnx.load(done.file).graph.node}
    graph = compiled(done)
    assert kinds(graph) == ["Conv", "Conv", *["Pool"] * pool, "Concat", "Conv"]
    clamped = graph.ops[1]
    assert clamped.low == graph.tensors[clamped.output].zero_point > -128


def test_what_moves_values_keeps_their_scale(tmp_path: Path) -> None:
    nodes, weights, _ = CASES["shuffle"]
    graph = compiled(quantised(between(nodes, weights), tmp_path, draws(99, 40, 3, 8, 8)))
    assert (
        len({tensor.quantisation for tensor in graph.tensors.values()}) == 3
    )  # input, h to g, output


def test_several_outputs_and_a_norm_between_them(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"]),
        node("BatchNormalization", ["h", *NORM], ["n"]),
        node("Sigmoid", ["n"], ["s"]),
        node("GlobalAveragePool", ["h"], ["p"]),
    ]
    ends = {"h": None, "s": None, "p": None}
    model = network(nodes, {"x": ["n", 3, 8, 8]}, ends, {**WEIGHTS, **NORM})
    done = quantised(model, tmp_path, draws(98, 40, 3, 8, 8))
    assert list(done.cosines) == ["h", "s", "p"] and min(done.cosines.values()) > 0.999
    assert len(compiled(done).outputs) == 3
