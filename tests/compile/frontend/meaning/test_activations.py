"""Clip in all its forms, slopes of every shape, and functions of one value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, either, guilty, map_of

# ------------------------------------------------------------------------------------------- Clip


def clip(low: float | None, high: float | None, before: str = "conv") -> Make:
    """Clip with inputs, behind a convolution, or between two pairs."""

    def make(net: Qdq) -> str:
        x = net.conv(net.x, 5, 6) if before == "conv" else map_of(net)
        ends = ["" if end is None else net.constant(np.float32(end)) for end in (low, high)]
        return net.quantised(guilty(net, "Clip", x, *ends), 0.04, -10)

    return make


def old_clip(before: str = "conv", **ends: float) -> Make:
    """Clip with attributes, before opset 11."""

    def make(net: Qdq) -> str:
        x = net.conv(net.x, 5, 6, per_channel=False)
        x = x if before == "conv" else net.quantised(x, 0.06, 5)
        return net.quantised(guilty(net, "Clip", x, **ends), 0.04, -10)

    return make


@pytest.mark.parametrize("before", ["conv", "pair"])
@pytest.mark.parametrize(
    "low, high", [(0.0, 6.0), (-1.0, 1.0), (None, 1.0), (0.5, None), (None, None), (2.0, -1.0)]
)
def test_clip(before: str, low: float | None, high: float | None, tmp_path: Path) -> None:
    agrees(clip(low, high, before), tmp_path)


@pytest.mark.parametrize("before", ["conv", "pair"])
@pytest.mark.parametrize(
    "ends", [{"min": 0.0, "max": 2.0}, {"min": -0.5}, {"max": 0.7}, {}], ids=str
)
def test_clip_with_attributes(before: str, ends: dict, tmp_path: Path) -> None:
    agrees(old_clip(before, **ends), tmp_path, opset=10)


def clip_of_stored_values(net: Qdq) -> str:
    """Between Q and DQ, in steps."""
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(3))
    stored = net.node("QuantizeLinear", net.conv(net.x, 5, 6), *numbers)
    ends = net.constant(np.int8(-20)), net.constant(np.int8(60))
    y = net.node("DequantizeLinear", guilty(net, "Clip", stored, *ends), *numbers)
    return net.quantised(net.node("MaxPool", y, kernel_shape=[2, 2]), 0.06, 1)


def relu_of_stored_values(net: Qdq) -> str:
    """Between Q and DQ: at the stored 0, which is not the real one."""
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(-30))
    stored = net.node("QuantizeLinear", net.conv(net.x, 5, 6), *numbers)
    return net.node("DequantizeLinear", guilty(net, "Relu", stored), *numbers)


def quantised_ends(net: Qdq) -> str:
    """Ends behind pairs of their own, as some quantisers leave them."""
    low, high = (net.quantised(net.constant(np.float32(end)), 0.03, 0) for end in (0.1, 1.4))
    return net.quantised(guilty(net, "Clip", net.conv(net.x, 5, 6), low, high), 0.04, -10)


def ends_of_the_network(net: Qdq) -> str:
    """An end that is known only when the network runs."""
    end = net.node("ReduceMax", net.x, keepdims=0)
    return net.quantised(guilty(net, "Clip", net.conv(net.x, 5, 6), "", end), 0.04, -10)


def two_readers(net: Qdq) -> str:
    """The activation reads a value that others read without it."""
    y = net.conv(net.x, 6, 6, pads=[1, 1, 1, 1])
    first = net.quantised(net.node("Relu", y), 0.05, -128)
    second = net.quantised(y, 0.05, 3)
    return net.quantised(net.node("Add", first, second), 0.07, 0)


def relu_behind_its_pair(net: Qdq) -> str:
    """conv, Flatten, Q, DQ, Relu, Q, DQ, Gemm: tensor and weights once did not fit together."""
    y = net.quantised(net.node("Flatten", net.conv(net.x, 4, 6)), 0.05, 3)
    y = net.quantised(net.node("Relu", y), 0.05, -128)
    return net.quantised(guilty(net, "Gemm", y, net.weight((144, 5), axis=1)), 0.2, 3)


def relu_at_the_end(net: Qdq) -> str:
    """The same with Relu last: this was a segmentation fault."""
    y = net.quantised(net.node("Flatten", net.conv(net.x, 4, 6)), 0.05, 3)
    return net.quantised(net.node("Relu", y), 0.05, -128)


def relu_behind_its_pair_without_its_own(net: Qdq) -> str:
    y = net.quantised(net.conv(net.x, 4, 6), 0.05, 3)
    return net.quantised(net.conv(net.node("Relu", y), 5, 4), 0.05, 3)


def activations_in_a_row(net: Qdq) -> str:
    y = net.node("LeakyRelu", net.node("Clip", net.conv(net.x, 6, 6), net.constant(np.float32(-1))))
    return net.quantised(net.node("Clip", y, "", net.constant(np.float32(2))), 0.04, -10)


@pytest.mark.parametrize(
    "make",
    [
        quantised_ends, two_readers, relu_behind_its_pair, relu_at_the_end,
        relu_behind_its_pair_without_its_own, activations_in_a_row,
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_where_activations_stand(make: Make, dtype: type, tmp_path: Path) -> None:
    agrees(make, tmp_path, dtype=dtype)


@pytest.mark.parametrize(
    "make", [clip_of_stored_values, relu_of_stored_values, ends_of_the_network]
)
def test_activations_of_other_operands(make: Make, tmp_path: Path) -> None:
    either(make, tmp_path)


# ----------------------------------------------------------------------------------------- slopes


def prelu(
    shape: tuple[int, ...], least: float = -0.3, most: float = 0.9, pair: bool = True
) -> Make:
    def make(net: Qdq) -> str:
        slope = net.constant(net.random.uniform(least, most, shape).astype(np.float32))
        x = map_of(net) if pair else net.conv(net.x, 8, 6, pads=[1, 1, 1, 1])
        return net.quantised(guilty(net, "PRelu", x, slope), 0.06, -4)

    return make


@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 8, 1, 1), (1,), (), (1, 1, 1), (1, 1, 1, 1)])
@pytest.mark.parametrize("pair", [True, False])
def test_slopes_of_channels(shape: tuple[int, ...], pair: bool, tmp_path: Path) -> None:
    agrees(prelu(shape, pair=pair), tmp_path)


@pytest.mark.parametrize("shape", [(9,), (1, 1, 9), (7, 1), (7, 9), (8, 7, 9), (1, 8, 7, 1)])
def test_slopes_along_the_map(shape: tuple[int, ...], tmp_path: Path) -> None:
    """(W) of a map is along its width, whatever the number of its channels."""
    either(prelu(shape), tmp_path, shape=(6, 7, 9))


@pytest.mark.parametrize("shape", [(8,), (1, 1, 8)])
def test_slopes_along_a_width_of_as_many_as_channels(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    either(prelu(shape), tmp_path, shape=(6, 8, 8))


@pytest.mark.parametrize("least, most", [(-2.0, -1.0), (1.0, 3.0), (0.0, 0.0), (1.0, 1.0)])
def test_slopes_of_any_size(least: float, most: float, tmp_path: Path) -> None:
    agrees(prelu((8, 1, 1), least, most), tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_slopes_that_are_no_numbers(value: float, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        slope = net.constant(np.full((8, 1, 1), value, np.float32))
        return net.quantised(guilty(net, "PRelu", map_of(net), slope), 0.06, -4)

    either(make, tmp_path)


def quantised_slope(net: Qdq) -> str:
    values = net.constant(net.random.integers(-127, 127, (8, 1, 1)).astype(np.int8))
    slope = net.node("DequantizeLinear", values, net.constant(np.float32(0.005)))
    return net.quantised(guilty(net, "PRelu", map_of(net), slope), 0.06, -4)


def test_quantised_slope(tmp_path: Path) -> None:
    agrees(quantised_slope, tmp_path)


# -------------------------------------------------------------------------------------- functions


def function(
    kind: str, *constants: float, first: bool = False, positive: bool = False, **more
) -> Make:
    """A function of an int8 map; ``first``: its constants stand on the left."""

    def make(net: Qdq) -> str:
        x = map_of(net, zero=-128 if positive else -4)
        values = [net.constant(np.float32(value)) for value in constants]
        inputs = [*values, x] if first else [x, *values]
        return net.quantised(guilty(net, kind, *inputs, **more), 0.04, -10)

    return make


FUNCTIONS: dict[str, Make] = {
    "LeakyRelu": function("LeakyRelu"),
    "LeakyRelu alpha": function("LeakyRelu", alpha=0.3),
    "LeakyRelu negative": function("LeakyRelu", alpha=-0.5),
    "Sigmoid": function("Sigmoid"),
    "Tanh": function("Tanh"),
    "HardSigmoid": function("HardSigmoid"),
    "HardSigmoid alpha beta": function("HardSigmoid", alpha=0.1666667, beta=0.4),
    "HardSwish": function("HardSwish"),
    "Elu": function("Elu"),
    "Elu alpha": function("Elu", alpha=2.5),
    "Softplus": function("Softplus"),
    "Erf": function("Erf"),
    "Abs": function("Abs"),
    "Neg": function("Neg"),
    "Sqrt": function("Sqrt", positive=True),
    "Pow 2": function("Pow", 2.0),
    "Pow 3": function("Pow", 3.0),
    "Pow 0.5": function("Pow", 0.5, positive=True),
    "2 Pow": function("Pow", 2.0, first=True),
    "Max": function("Max", 0.7),
    "Max, left": function("Max", 0.7, first=True),
    "Max of three": function("Max", 0.7, -0.2),
    "Max of one": function("Max"),
    "Min": function("Min", 0.7),
    "Add": function("Add", 0.77),
    "Add, left": function("Add", 0.77, first=True),
    "Sub": function("Sub", 0.77),
    "Sub, left": function("Sub", 0.77, first=True),
    "Mul": function("Mul", 0.37),
    "Mul by a negative": function("Mul", -0.37),
    "Mul by 0": function("Mul", 0.0),
    "Div": function("Div", 3.3),
    "Div, left": function("Div", 1.3, first=True, positive=True),
    "Exp": function("Exp"),
    "Clip and more": lambda net: net.quantised(
        net.node("Div", net.node("Mul", map_of(net), net.node("Clip", net.node(
            "Add", map_of(net), net.constant(np.float32(3))), net.constant(np.float32(0)),
            net.constant(np.float32(6)))), net.constant(np.float32(6))), 0.03, -100),
}  # fmt: skip


@pytest.mark.parametrize("case", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_function(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(FUNCTIONS[case], tmp_path, dtype=dtype)


@pytest.mark.parametrize(
    "kind, opset, more",
    [("Gelu", 20, {}), ("Gelu", 20, {"approximate": "tanh"}), ("Mish", 18, {}), ("Celu", 17, {}),
     ("Selu", 17, {}), ("ThresholdedRelu", 17, {"alpha": 0.3}), ("Softsign", 17, {}),
     ("Sign", 17, {}), ("Floor", 17, {}), ("Round", 17, {}), ("Reciprocal", 17, {}),
     ("Sin", 17, {}), ("Log", 17, {}), ("Shrink", 17, {"lambd": 0.2})],
)  # fmt: skip
def test_rarer_function(kind: str, opset: int, more: dict, tmp_path: Path) -> None:
    """Of values above 0, since what none is gives NaN."""
    make = function(kind, positive=True, **more)
    either(make, tmp_path, opset=opset)


def swish(net: Qdq) -> str:
    """x * Sigmoid(x) in float32 between two quantisations."""
    x = map_of(net)
    return net.quantised(net.node("Mul", x, net.node("Sigmoid", x)), 0.03, -100)


def swish_in_pairs(net: Qdq) -> str:
    x = map_of(net)
    gate = net.quantised(net.node("Sigmoid", x), 1 / 256, -128)
    return net.quantised(net.node("Mul", x, gate), 0.03, -100)


def swish_behind_a_float(net: Qdq) -> str:
    """conv, then x * Sigmoid(x), and the pair only behind that."""
    x = net.conv(net.x, 5, 6)
    return net.quantised(net.node("Mul", x, net.node("Sigmoid", x)), 0.03, -100)


def hard_swish(net: Qdq) -> str:
    x = net.conv(net.x, 5, 6)
    ends = net.constant(np.float32(0)), net.constant(np.float32(6))
    gate = net.node("Clip", net.node("Add", x, net.constant(np.float32(3))), *ends)
    y = net.node("Div", net.node("Mul", x, gate), net.constant(np.float32(6)))
    return net.quantised(y, 0.03, -100)


def gelu(net: Qdq) -> str:
    x = map_of(net)
    erf = net.node("Erf", net.node("Div", x, net.constant(np.float32(2**0.5))))
    y = net.node("Mul", x, net.node("Add", erf, net.constant(np.float32(1))))
    return net.quantised(net.node("Mul", y, net.constant(np.float32(0.5))), 0.03, -100)


def normalised(net: Qdq) -> str:
    """BatchNormalization behind a quantised map."""
    numbers = [net.constant(net.random.uniform(0.5, 2, 8).astype(np.float32)) for _ in range(4)]
    return net.quantised(net.node("BatchNormalization", map_of(net), *numbers), 0.05, 1)


def normalised_float(net: Qdq) -> str:
    """BatchNormalization between a convolution and its pair."""
    numbers = [net.constant(net.random.uniform(0.5, 2, 5).astype(np.float32)) for _ in range(4)]
    y = net.node("BatchNormalization", net.conv(net.x, 5, 6), *numbers, epsilon=0.01)
    return net.quantised(net.node("Relu", y), 0.05, -128)


@pytest.mark.parametrize("make", [swish, swish_in_pairs, swish_behind_a_float, hard_swish, gelu])
def test_functions_of_several_nodes(make: Make, tmp_path: Path) -> None:
    if make in (swish_behind_a_float,):
        either(make, tmp_path, names=("Sigmoid", "Mul"))
    else:
        agrees(make, tmp_path)


@pytest.mark.parametrize("make", [normalised, normalised_float])
def test_batch_normalization(make: Make, tmp_path: Path) -> None:
    agrees(make, tmp_path)
