"""QOperator files in QDQ form: the same numbers, within one step of another kernel's rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.frontend.normalise import normalise

from ...small import MICROSOFT, constants, kinds, model, node, same, saved

RANDOM = np.random.default_rng(5)
KINDS = {np.uint8: TensorProto.UINT8, np.int8: TensorProto.INT8}


def quantised(
    nodes: list[onnx.NodeProto], dtype: type, x: tuple[int, ...] = (1, 4, 6, 6), **values: Any
) -> onnx.ModelProto:
    """``q`` is ``x`` in integers; ``y`` is an integer result."""
    zero = 120 if dtype == np.uint8 else -8
    numbers = {"s": np.float32(0.05), "z": dtype(zero), "t": np.float32(0.07),
               "u": dtype(zero + 5)}  # fmt: skip
    first = node("QuantizeLinear", ["x", "s", "z"], ["q"])
    return model([first, *nodes], {**numbers, **values}, x=x, kind=KINDS[dtype])


def weights(*shape: int, dtype: type = np.int8) -> np.ndarray:
    low = 0 if dtype == np.uint8 else -127
    return RANDOM.integers(low, low + 255, shape).astype(dtype)


def per_channel(count: int) -> dict[str, np.ndarray]:
    return {"ws": np.linspace(0.004, 0.01, count, dtype=np.float32), "wz": np.zeros(count, np.int8)}


PER_TENSOR = {"ws": np.float32([0.006]), "wz": np.int8([0])}
BIAS = {"b": RANDOM.integers(-2000, 2000, 5).astype(np.int32)}
OWN = {"domain": MICROSOFT}
END = ["t", "u"]
Q = ["q", "s", "z"]
CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 1]}
CASES: dict[str, tuple[list[onnx.NodeProto], dict[str, Any], list[str]]] = {
    "conv": ([node("QLinearConv", [*Q, "w", "ws", "wz", *END, "b"], ["y"], **CONV)],
             {"w": weights(5, 4, 3, 3), **per_channel(5), **BIAS}, ["Conv"]),
    "conv of one scale": ([node("QLinearConv", [*Q, "w", "ws", "wz", *END, "b"], ["y"])],
                          {"w": weights(5, 4, 3, 3), **PER_TENSOR, **BIAS}, ["Conv"]),
    "conv without bias": ([node("QLinearConv", [*Q, "w", "ws", "wz", *END], ["y"], group=2)],
                          {"w": weights(6, 2, 3, 3), **per_channel(6)}, ["Conv"]),
    "matmul": ([node("QLinearMatMul", [*Q, "w", "ws", "wz", *END], ["y"])],
               {"w": weights(6, 5), **PER_TENSOR}, ["MatMul"]),
    "add": ([node("QLinearAdd", [*Q, *Q, *END], ["y"], **OWN)], {}, ["Add"]),
    "add of a constant": ([node("QLinearAdd", [*Q, "w", "ws", "wz", *END], ["y"], **OWN)],
                          {"w": weights(6, 6), "ws": np.float32(0.01), "wz": None}, ["Add"]),
    "mul": ([node("QLinearMul", [*Q, *Q, *END], ["y"], **OWN)], {}, ["Mul"]),
    "global pool": ([node("QLinearGlobalAveragePool", [*Q, *END], ["y"], **OWN)], {},
                    ["GlobalAveragePool"]),
    "pool": ([node("QLinearAveragePool", [*Q, *END], ["y"], kernel_shape=[3, 3], **OWN,
                   pads=[1, 1, 1, 1], strides=[2, 2], count_include_pad=1)], {}, ["AveragePool"]),
    "sigmoid": ([node("QLinearSigmoid", [*Q, "p", "u"], ["y"], **OWN)], {"p": np.float32(1 / 256)},
                ["Sigmoid"]),
    "leaky": ([node("QLinearLeakyRelu", [*Q, *END], ["y"], alpha=0.2, **OWN)], {}, ["LeakyRelu"]),
    "softmax": ([node("QLinearSoftmax", [*Q, "p", "e"], ["y"], axis=1, opset=13, **OWN)],
                {"p": np.float32(1 / 256)}, ["Softmax"]),
    "concat": ([node("QLinearConcat", [*END, *Q, *Q], ["y"], axis=1, **OWN)], {}, ["Concat"]),
    "concat of a constant": ([node("QLinearConcat", [*END, *Q, "w", "ws", "wz"], ["y"], axis=2,
                                   **OWN)],
                             {"w": weights(1, 4, 2, 6), "ws": np.float32(0.01), "wz": None},
                             ["Concat"]),
    "two": ([node("QLinearAdd", [*Q, *Q, *END], ["r"], **OWN),
             node("QLinearConv", ["r", *END, "w", "ws", "wz", *END, "b"], ["y"])],
            {"w": weights(5, 4, 1, 1), **per_channel(5), **BIAS}, ["Add", "Conv"]),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("name", CASES)
def test_within_one_step(tmp_path: Path, name: str, dtype: type) -> None:
    nodes, values, floats = CASES[name]
    values = {key: dtype(9) if value is None else value for key, value in values.items()}
    values.setdefault("e", dtype(0 if dtype == np.uint8 else -128))
    if values.get("wz") is not None and values["wz"].dtype == np.uint8:
        values["w"] = values["w"].view(np.uint8)
    after = same(tmp_path, quantised(nodes, dtype, **values), steps=1)
    assert [kind for kind in kinds(after) if "Linear" not in kind] == floats
    assert not [one for one in after.graph.node if one.domain]


@pytest.mark.parametrize("axis", [1, 2])
def test_softmax_before_opset_13_is_over_all_axes_behind(tmp_path: Path, axis: int) -> None:
    softmax = node("QLinearSoftmax", [*Q, "p", "e"], ["y"], axis=axis, opset=12, **OWN)
    values = {"p": np.float32(1 / 4096), "e": np.uint8(0)}
    after = same(tmp_path, quantised([softmax], np.uint8, **values), steps=1)
    assert [kind for kind in kinds(after) if "Linear" not in kind] == ["Reshape", "Softmax",
                                                                       "Reshape"]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("scales", [per_channel(5), PER_TENSOR], ids=["per channel", "one"])
def test_gemm(tmp_path: Path, scales: dict[str, np.ndarray], turned: bool) -> None:
    gemm = node("QGemm", [*Q, "w", "ws", "wz", "b", *END], ["y"], transB=int(turned), alpha=0.5,
                **OWN)  # fmt: skip
    values = {"w": weights(*((5, 24) if turned else (24, 5))), **scales, **BIAS}
    after = same(tmp_path, quantised([gemm], np.uint8, (1, 24), **values), steps=1)
    assert kinds(after).count("Gemm") == 1


def test_gemm_with_a_float_result(tmp_path: Path) -> None:
    gemm = node("QGemm", [*Q, "w", "ws", "wz", "b"], ["y"], **OWN)
    made = quantised([gemm], np.uint8, (1, 24), w=weights(24, 5), **PER_TENSOR, **BIAS)
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    after = same(tmp_path, made, steps=1e-4)
    assert kinds(after)[-1] == "Gemm"


def test_the_scale_of_a_bias_is_the_product(tmp_path: Path) -> None:
    nodes, values, _ = CASES["conv"]
    after = same(tmp_path, quantised(nodes, np.uint8, **values), steps=1)
    (bias,) = (one for one in after.graph.node if "bias" in one.output[0])
    assert np.array_equal(constants(after)[bias.input[1]], np.float32(0.05) * per_channel(5)["ws"])


def test_mean(tmp_path: Path) -> None:
    """onnxruntime has the operator in its schema, but no kernel of it: numpy says what it is."""
    mean = node("QLinearReduceMean", [*Q, *END], ["y"], axes=[2, 3], keepdims=0, **OWN)
    after, _ = normalise(saved(tmp_path, quantised([mean], np.uint8)))
    assert kinds(after) == ["QuantizeLinear", "DequantizeLinear", "ReduceMean", "QuantizeLinear"]
    assert constants(after)[after.graph.node[2].input[1]].tolist() == [2, 3]


@pytest.mark.parametrize("counted", [0, 1])
def test_an_average_counts_what_rounding_up_adds(tmp_path: Path, counted: int) -> None:
    """Where it counts its padding; the standard's own does not."""
    pool = node("QLinearAveragePool", [*Q, *END], ["y"], "pool", kernel_shape=[3, 2], ceil_mode=1,
                strides=[2, 3], count_include_pad=counted, pads=[1, 0, 0, 1], **OWN)  # fmt: skip
    path = saved(tmp_path, quantised([pool], np.uint8))
    assert max(row.steps for row in oracle.check(path, load(path))) <= 1


def test_channels_last_stays(tmp_path: Path) -> None:
    pool = node("QLinearGlobalAveragePool", [*Q, *END], ["y"], "pool", channels_last=1, **OWN)
    after, _ = normalise(saved(tmp_path, quantised([pool], np.uint8)))
    assert kinds(after) == ["QuantizeLinear", "QLinearGlobalAveragePool"]


def test_too_few_inputs(tmp_path: Path) -> None:
    add = node("QLinearAdd", [*Q, "q", "s"], ["y"], "short", **OWN)
    with pytest.raises(CompileError, match=r"small.onnx: node 'short' \(QLinearAdd\).*5 inputs"):
        normalise(saved(tmp_path, quantised([add], np.uint8)))
