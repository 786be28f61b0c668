"""Weights and biases: whatever scale, axis, zero point and type they have, as the file says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, either, guilty, map_of

X_SCALE = 0.05

Bias = Callable[[Qdq, np.ndarray], str]
"""Makes a bias of five channels beside the scales of the weight."""


def integers(net: Qdq, shape: Sequence[int], kind: type = np.int8) -> np.ndarray:
    low = 0 if np.dtype(kind).kind == "u" else -127
    return net.random.integers(low, 255 + low, tuple(shape)).astype(kind)


def stored(
    net: Qdq, values: np.ndarray, scale: object, zero: object = None, *, name: str = "", **more: int
) -> str:
    """Integers behind a DequantizeLinear."""
    numbers = [net.constant(np.asarray(scale, np.float32))]
    if zero is not None:
        numbers.append(net.constant(np.asarray(zero, values.dtype)))
    return net.node("DequantizeLinear", net.constant(values), *numbers, name=name, **more)


def with_bias(bias: Bias) -> Make:
    """A convolution of 5 channels with weight scales 0.01 to 0.05 and the bias that is made."""

    def make(net: Qdq) -> str:
        scales = np.linspace(0.01, 0.05, 5, dtype=np.float32)
        weight = stored(net, integers(net, (5, 6, 3, 3)) // 4, scales, np.zeros(5), axis=0)
        return net.quantised(guilty(net, "Conv", net.x, weight, bias(net, scales)), 0.5, 3)

    return make


def bias_of_scale(
    scale: Callable[[np.ndarray], object],
    zero: object = None,
    most: int = 3000,
    kind: type = np.int32,
) -> Bias:
    def bias(net: Qdq, scales: np.ndarray) -> str:
        values = net.random.integers(-most, most, 5).astype(kind)
        more = {"axis": 0} if np.ndim(scale(scales)) else {}
        return stored(net, values, scale(scales), zero, name="guilty bias", **more)

    return bias


BIASES = {
    "of the product": bias_of_scale(lambda s: s * np.float32(X_SCALE)),
    "twice the product": bias_of_scale(lambda s: s * np.float32(2 * X_SCALE)),
    "a third of the product": bias_of_scale(lambda s: s * np.float32(X_SCALE / 3), most=9000),
    "one for all": bias_of_scale(lambda s: 0.00123),
    "in reverse": bias_of_scale(lambda s: s[::-1] * np.float32(X_SCALE)),
    "fine": bias_of_scale(lambda s: 1e-7, most=2**30),
    "coarse": bias_of_scale(lambda s: 1.0, most=5),
    "int8": bias_of_scale(lambda s: 0.01, most=100, kind=np.int8),
    "int8 with a zero point": bias_of_scale(lambda s: 0.01, 55, most=100, kind=np.int8),
    "uint8": bias_of_scale(lambda s: 0.01, 155, most=100, kind=np.uint8),
    "one element": bias_of_scale(lambda s: np.float32([0.00123])),
    "float": lambda net, s: net.constant(net.random.normal(0, 3, 5).astype(np.float32)),
    "float, large": lambda net, s: net.constant(np.float32([1e4, -1e4, 0, 1e-9, -0.0])),
    "none": lambda net, s: "",
    "behind Identity": lambda net, s: net.node(
        "Identity", net.constant(net.random.normal(0, 3, 5).astype(np.float32))
    ),
    "behind a pair": lambda net, s: net.quantised(
        net.constant(net.random.normal(0, 3, 5).astype(np.float32)), 0.05, 4
    ),
}


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_bias(bias: str, dtype: type, tmp_path: Path) -> None:
    agrees(with_bias(BIASES[bias]), tmp_path, dtype=dtype)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_bias_that_no_accumulator_holds(value: float, tmp_path: Path) -> None:
    bias = np.float32([1, 2, value, 4, 5])
    either(with_bias(lambda net, s: net.constant(bias)), tmp_path)


# ---------------------------------------------------------------------------------------- weights


def conv_weight(
    shape: Sequence[int],
    scale: object,
    zero: object = None,
    kind: type = np.int8,
    bias: bool = False,
    **more: int,
) -> Make:
    """A convolution of such a weight, with a float bias or none."""

    def make(net: Qdq) -> str:
        values = integers(net, shape, kind)
        weight = stored(net, values, scale, zero, name="guilty weight", **more)
        real = net.constant(net.random.normal(0, 2, shape[0]).astype(np.float32))
        inputs = [net.x, weight, *[real] * bias]
        return net.quantised(guilty(net, "Conv", *inputs), 0.5, 3)

    return make


SIX = np.linspace(0.004, 0.03, 6)

AGREE = {
    "one scale": conv_weight((5, 6, 3, 3), 0.01),
    "one scale with an axis": conv_weight((5, 6, 3, 3), 0.01, 0, axis=1),
    "one element": conv_weight((5, 6, 3, 3), [0.01], [0], axis=0),
    "negative axis": conv_weight((6, 6, 3, 3), SIX, np.zeros(6), axis=-4),
    "no zero point": conv_weight((6, 6, 3, 3), SIX, axis=0),
    "uint8, symmetric": conv_weight((5, 6, 3, 3), 0.01, 128, kind=np.uint8),
    "zero points": conv_weight((6, 6, 3, 3), SIX, [1, -3, 9, 0, 2, 5], axis=0),
    "uint8, asymmetric": conv_weight((5, 6, 3, 3), 0.01, 117, kind=np.uint8),
    "uint8, by channel": conv_weight(
        (6, 6, 3, 3), SIX, [128, 100, 130, 90, 128, 255], kind=np.uint8, axis=0
    ),
    "uint8, no zero point": conv_weight((5, 6, 3, 3), 0.001, kind=np.uint8),
    "1e-5, with a bias": conv_weight((5, 6, 3, 3), 1e-5, bias=True),
    "large": conv_weight((5, 6, 3, 3), 1e4),
}
EITHER = {
    "scales along the inputs": conv_weight((5, 6, 3, 3), SIX, axis=1),
    "scales along the inputs of a square": conv_weight((6, 6, 3, 3), SIX, axis=1),
    "axis left out": conv_weight((6, 6, 3, 3), SIX),
    "scales along the rows": conv_weight((5, 6, 6, 3), SIX, axis=2),
    "scales along the columns": conv_weight((5, 6, 3, 6), SIX, axis=-1),
    "scale 0": conv_weight((5, 6, 3, 3), 0.0),
    "scale 0 with a bias": conv_weight((5, 6, 3, 3), 0.0, bias=True),
    "scale 0 of one channel": conv_weight((6, 6, 3, 3), [0, *SIX[1:]], axis=0, bias=True),
    "1e-12 with a bias": conv_weight((5, 6, 3, 3), 1e-12, bias=True),
    "1e-12 of one channel": conv_weight((6, 6, 3, 3), [1e-12, *SIX[1:]], axis=0, bias=True),
    "denormal": conv_weight((5, 6, 3, 3), 1e-41, bias=True),
    "negative": conv_weight((5, 6, 3, 3), -0.01),
    "negative of one channel": conv_weight((6, 6, 3, 3), [-0.01, *SIX[1:]], axis=0),
    "infinite": conv_weight((5, 6, 3, 3), np.inf),
    "not a number": conv_weight((5, 6, 3, 3), np.nan),
    "int32": conv_weight((5, 6, 3, 3), 1e-4, kind=np.int32),
}


@pytest.mark.parametrize("case", AGREE)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_weight(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(AGREE[case], tmp_path, dtype=dtype)


@pytest.mark.parametrize("case", EITHER)
def test_odd_weight(case: str, tmp_path: Path) -> None:
    either(EITHER[case], tmp_path)


def float_weight(net: Qdq) -> str:
    values = net.random.normal(0, 0.1, (5, 6, 3, 3)).astype(np.float32)
    return net.quantised(guilty(net, "Conv", net.x, net.constant(values)), 0.1, 3)


def quantised_weight(net: Qdq) -> str:
    """A float weight behind Q and DQ, as training aware of quantisation leaves it."""
    values = net.constant(net.random.normal(0, 0.1, (5, 6, 3, 3)).astype(np.float32))
    numbers = net.constant(np.full(5, 0.003, np.float32)), net.constant(np.zeros(5, np.int8))
    weight = net.node("QuantizeLinear", values, *numbers, axis=0)
    weight = net.node("DequantizeLinear", weight, *numbers, axis=0)
    return net.quantised(guilty(net, "Conv", net.x, weight), 0.1, 3)


def clipped_weight(net: Qdq) -> str:
    """Q, Clip, DQ: the weight of seven bits."""
    values = net.constant(net.random.normal(0, 0.3, (5, 6, 3, 3)).astype(np.float32))
    numbers = net.constant(np.float32(0.005)), net.constant(np.int8(0))
    weight = net.node("QuantizeLinear", values, *numbers)
    weight = net.node("Clip", weight, net.constant(np.int8(-63)), net.constant(np.int8(63)))
    weight = net.node("DequantizeLinear", weight, *numbers)
    return net.quantised(guilty(net, "Conv", net.x, weight), 0.1, 3)


def transposed_weight(net: Qdq) -> str:
    values = net.constant(integers(net, (3, 3, 6, 5)))
    weight = net.node("DequantizeLinear", values, net.constant(np.float32(0.01)))
    weight = net.node("Transpose", weight, perm=[3, 2, 0, 1])
    return net.quantised(guilty(net, "Conv", net.x, weight), 0.5, 3)


def shared_weight(net: Qdq) -> str:
    """One weight of two convolutions whose inputs have different scales."""
    weight = net.weight((6, 6, 3, 3))
    y = net.quantised(net.node("Conv", net.x, weight, pads=[1, 1, 1, 1]), 0.07, 3)
    return net.quantised(net.node("Conv", y, weight, pads=[1, 1, 1, 1]), 0.2, -3)


def tied_matrix(net: Qdq) -> str:
    """One weight of two products, once as it stands and once transposed."""
    y = net.node("Flatten", net.quantised(net.node("GlobalAveragePool", map_of(net)), 0.01, 0))
    values = net.constant(integers(net, (8, 8)))
    weight = net.node("DequantizeLinear", values, net.constant(np.float32(0.01)))
    y = net.quantised(net.node("Gemm", y, weight, transB=1), 0.05, 1)
    return net.quantised(net.node("Gemm", y, weight), 0.2, 1)


def whole_of_minus_128(net: Qdq) -> str:
    weight = stored(net, np.full((5, 6, 3, 3), -128, np.int8), 0.01, 0)
    return net.quantised(guilty(net, "Conv", net.x, weight), 0.5, 3)


@pytest.mark.parametrize(
    "make",
    [
        quantised_weight, clipped_weight, transposed_weight, shared_weight, tied_matrix,
        whole_of_minus_128,
    ],
)  # fmt: skip
def test_where_weights_come_from(make: Make, tmp_path: Path) -> None:
    agrees(make, tmp_path)


def test_float_weight(tmp_path: Path) -> None:
    either(float_weight, tmp_path)
