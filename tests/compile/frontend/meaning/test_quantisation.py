"""Every parameter and attribute of QuantizeLinear and DequantizeLinear is honoured or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from ...build_onnx import Qdq
from .judge import Make, agrees, checked, either, guilty, map_of, saved

INT8, UINT8 = TensorProto.INT8, TensorProto.UINT8


def pair(net: Qdq, value: str, scale: float, zero: int | None, kind: type = np.int8) -> str:
    """``value`` through Q and DQ of a type of their own; without a zero point for None."""
    numbers = [net.constant(np.float32(scale))]
    numbers += [] if zero is None else [net.constant(np.asarray(zero, kind))]
    return net.node("DequantizeLinear", net.node("QuantizeLinear", value, *numbers), *numbers)


# --------------------------------------------------------------------- attributes and zero points


def without_zero_points(net: Qdq) -> str:
    return pair(net, net.conv(net.x, 4, 6), 0.05, None)


def stored_as(kind: int, zero: bool = False) -> Make:
    def make(net: Qdq) -> str:
        scale = net.constant(np.float32(0.05))
        more = [net.constant(np.asarray(7, np.int8 if kind == INT8 else np.uint8))] if zero else []
        y = net.conv(net.x, 4, 6)
        stored = guilty(net, "QuantizeLinear", y, scale, *more, output_dtype=kind)
        y = net.node("DequantizeLinear", stored, scale, *more)
        return net.quantised(net.node("MaxPool", y, kernel_shape=[2, 2]), 0.06, 1)

    return make


def saturate(net: Qdq) -> str:
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(5))
    stored = net.node("QuantizeLinear", net.conv(net.x, 4, 6), *numbers, saturate=0)
    return net.node("DequantizeLinear", stored, *numbers)


def axis_of_a_scalar(net: Qdq) -> str:
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(5))
    stored = net.node("QuantizeLinear", net.conv(net.x, 4, 6), *numbers, axis=3)
    return net.node("DequantizeLinear", stored, *numbers, axis=0)


def one_element(net: Qdq) -> str:
    numbers = net.constant(np.float32([0.05])), net.constant(np.int8([5]))
    stored = guilty(net, "QuantizeLinear", net.conv(net.x, 4, 6), *numbers)
    return net.node("DequantizeLinear", stored, *numbers)


def ends_of_the_zero_point(net: Qdq) -> str:
    y = net.quantised(net.conv(net.x, 4, 6, pads=[1, 1, 1, 1]), 0.05, -128)
    return net.quantised(net.conv(y, 4, 4, pads=[1, 1, 1, 1]), 0.05, 127)


@pytest.mark.parametrize(
    "make, opset",
    [
        (without_zero_points, 17),
        (stored_as(INT8), 21),
        (stored_as(UINT8), 21),
        (stored_as(INT8, zero=True), 21),
        (saturate, 19),
        (axis_of_a_scalar, 17),
        (axis_of_a_scalar, 21),
        (one_element, 17),
        (ends_of_the_zero_point, 17),
    ],
)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_parameters(make: Make, opset: int, dtype: type, tmp_path: Path) -> None:
    agrees(make, tmp_path, opset=opset, dtype=dtype)


def sixteen_bits(net: Qdq) -> str:
    numbers = net.constant(np.float32(0.001)), net.constant(np.int16(0))
    stored = guilty(net, "QuantizeLinear", net.conv(net.x, 4, 6), *numbers)
    return net.node("DequantizeLinear", stored, *numbers, name="guilty too")


def float8(net: Qdq) -> str:
    scale = net.constant(np.float32(0.05))
    y = net.conv(net.x, 4, 6)
    stored = guilty(net, "QuantizeLinear", y, scale, output_dtype=TensorProto.FLOAT8E4M3FN)
    return net.node("DequantizeLinear", stored, scale, name="guilty too")


def blocks(net: Qdq) -> str:
    values = net.constant(net.random.integers(-127, 128, (24, 8)).astype(np.int8))
    scale = net.constant(net.random.uniform(0.005, 0.02, (3, 8)).astype(np.float32))
    weight = guilty(net, "DequantizeLinear", values, scale, axis=0, block_size=8)
    flat = net.node("Flatten", net.quantised(net.conv(net.x, 6, 6, 3, strides=[3, 3])))
    return net.quantised(net.node("MatMul", flat, weight))


def half(net: Qdq) -> str:
    numbers = net.constant(np.float16(0.05)), net.constant(np.int8(5))
    y = net.node("Cast", net.conv(net.x, 4, 6), to=TensorProto.FLOAT16, name="guilty cast")
    stored = guilty(net, "QuantizeLinear", y, *numbers)
    y = net.node("DequantizeLinear", stored, *numbers, name="guilty too")
    return net.node("Cast", y, to=TensorProto.FLOAT)


def per_channel_activation(net: Qdq) -> str:
    y = net.conv(net.x, 4, 6)
    numbers = net.constant(np.float32([0.05, 0.02, 0.1, 0.03])), net.constant(np.zeros(4, np.int8))
    stored = guilty(net, "QuantizeLinear", y, *numbers, axis=1)
    y = net.node("DequantizeLinear", stored, *numbers, axis=1)
    return net.quantised(net.conv(y, 4, 4, group=4, name="guilty depthwise"))


def per_row_activation(net: Qdq) -> str:
    y = net.conv(net.x, 4, 6)  # 6x6
    numbers = net.constant(np.float32([0.05, 0.02, 0.1, 0.03, 0.04, 0.06]))
    zeros = net.constant(np.int8([1, 2, 3, 4, 5, 6]))
    stored = guilty(net, "QuantizeLinear", y, numbers, zeros, axis=2)
    return net.node("DequantizeLinear", stored, numbers, zeros, axis=2)


@pytest.mark.parametrize(
    "make, opset",
    [
        (sixteen_bits, 21),
        (float8, 21),
        (blocks, 21),
        (half, 19),
        (per_channel_activation, 17),
        (per_row_activation, 17),
    ],
)
def test_rare_parameters(make: Make, opset: int, tmp_path: Path) -> None:
    either(make, tmp_path, opset=opset)


# ---------------------------------------------------------------------- a pair that is not a pair


def dequantised_otherwise(scale: float, zero: int) -> Make:
    """A DequantizeLinear whose numbers are not those of its QuantizeLinear."""

    def make(net: Qdq) -> str:
        y = net.conv(net.x, 4, 6)
        stored = net.node(
            "QuantizeLinear", y, net.constant(np.float32(0.05)), net.constant(np.int8(3))
        )
        numbers = net.constant(np.float32(scale)), net.constant(np.int8(zero))
        y = guilty(net, "DequantizeLinear", stored, *numbers)
        return net.quantised(net.conv(y, 5, 4))

    return make


def dequantised_twice(net: Qdq) -> str:
    """Two readers of one stored value take it for different numbers."""
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(3))
    stored = net.node("QuantizeLinear", net.conv(net.x, 4, 6), *numbers)
    first = net.node("DequantizeLinear", stored, *numbers)
    other = net.constant(np.float32(0.08)), net.constant(np.int8(-9))
    second = net.node("DequantizeLinear", stored, *other)
    return net.quantised(net.node("Add", first, second), 0.1, 0)


def requantised(scale: float, zero: int, kind: type = np.int8) -> Make:
    def make(net: Qdq) -> str:
        y = net.quantised(net.conv(net.x, 4, 6), 0.05, 3)
        return net.quantised(net.conv(pair(net, y, scale, zero, kind), 5, 4))

    return make


def narrowed_input(net: Qdq) -> str:
    """The input's own pair, then a narrower one."""
    return net.quantised(net.conv(pair(net, net.x, 0.02, 0), 5, 6))


def two_quantisers(net: Qdq) -> str:
    """One float value, stored in two quantisations."""
    y = net.conv(net.x, 6, 6, pads=[1, 1, 1, 1])
    first, second = net.quantised(y, 0.05, 3), net.quantised(y, 0.02, -7)
    return net.quantised(net.node("Add", first, second), 0.08, 1)


def quantised_and_float(net: Qdq) -> list[str]:
    """One float value, stored for one reader and an output as it is."""
    y = net.conv(net.x, 6, 6, pads=[1, 1, 1, 1])
    return [net.quantised(y, 0.05, 3), net.node("Identity", y)]


def a_pair_for_each_reader(net: Qdq) -> str:
    y = net.node("Relu", net.conv(net.x, 6, 6, pads=[1, 1, 1, 1]))
    parts = [net.quantised(y, 0.03, -128) for _ in range(3)]
    first = net.quantised(net.conv(parts[0], 6, 6, 1), 0.05, 0)
    second = net.quantised(net.node("Add", parts[1], first), 0.06, -3)
    return net.quantised(net.node("Add", second, parts[2]), 0.09, -3)


def mixed_signs(net: Qdq) -> str:
    """int8 and uint8 in one network."""
    a = pair(net, net.conv(net.x, 6, 6, pads=[1, 1, 1, 1]), 0.05, 130, np.uint8)
    b = pair(net, net.conv(a, 6, 6, pads=[1, 1, 1, 1]), 0.05, -4)
    y = pair(net, net.node("Add", a, b), 0.07, 120, np.uint8)
    y = pair(net, net.node("Concat", y, b, axis=1), 0.07, 0)
    return pair(net, net.node("MaxPool", y, kernel_shape=[2, 2]), 0.07, 127, np.uint8)


def same_numbers_of_other_signs(net: Qdq) -> str:
    """int8 and uint8 with one number as zero point, which are different quantisations."""
    y = pair(net, net.conv(net.x, 6, 6), 0.05, 20)
    y = pair(net, net.node("MaxPool", y, kernel_shape=[2, 2]), 0.05, 20, np.uint8)
    return pair(net, net.node("Relu", y), 0.05, 20)


@pytest.mark.parametrize(
    "make",
    [
        dequantised_otherwise(0.08, 3),
        dequantised_otherwise(0.05, -20),
        dequantised_otherwise(0.01, 90),
        dequantised_twice,
        requantised(0.05, 3),
        requantised(0.02, 3),
        requantised(0.02, -50),
        requantised(0.11, 10),
        requantised(0.05, 131, np.uint8),
        requantised(0.02, 100, np.uint8),
        narrowed_input,
        two_quantisers,
        quantised_and_float,
        a_pair_for_each_reader,
        mixed_signs,
        same_numbers_of_other_signs,
    ],
)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_pairs(make: Make, dtype: type, tmp_path: Path) -> None:
    agrees(make, tmp_path, dtype=dtype)


# -------------------------------------------------------------------------------- other spellings


def of_microsoft(net: Qdq) -> str:
    numbers = net.constant(np.float32(0.05)), net.constant(np.uint8(100))
    y = net.conv(net.x, 4, 6)
    stored = guilty(net, "QuantizeLinear", y, *numbers, domain="com.microsoft")
    y = net.node("DequantizeLinear", stored, *numbers, domain="com.microsoft")
    return net.quantised(net.node("MaxPool", y, kernel_shape=[2, 2]))


def parameters_behind_nodes(net: Qdq) -> str:
    """Scale and zero point as Constant nodes and behind Identity."""
    scale = net.node("Constant", value_float=0.05)
    zero = net.node("Identity", net.constant(np.int8(7)))
    stored = guilty(net, "QuantizeLinear", net.conv(net.x, 4, 6), scale, zero)
    return net.node("DequantizeLinear", stored, net.node("Identity", scale), zero)


def computed_scale(net: Qdq) -> str:
    """A scale that other constants make."""
    scale = net.node("Mul", net.constant(np.float32(0.5)), net.constant(np.float32(0.1)))
    stored = guilty(net, "QuantizeLinear", net.conv(net.x, 4, 6), scale, net.constant(np.int8(7)))
    return net.node("DequantizeLinear", stored, scale, net.constant(np.int8(7)), name="guilty too")


def scale_of_the_input(net: Qdq) -> str:
    """A scale that is known only when the network runs."""
    scale = net.node("ReduceMax", net.x, keepdims=0)
    stored = guilty(net, "QuantizeLinear", net.conv(net.x, 4, 6), scale)
    return net.node("DequantizeLinear", stored, scale, name="guilty too")


def test_nodes_of_microsoft(tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    y = of_microsoft(net)
    results = [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 4, 5, 5])]
    graph = helper.make_graph(net.nodes, "small", net.inputs, results, net.constants)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    checked(saved(helper.make_model(graph, opset_imports=sets, ir_version=10), tmp_path))


@pytest.mark.parametrize("make", [parameters_behind_nodes, computed_scale])
def test_where_parameters_come_from(make: Make, tmp_path: Path) -> None:
    agrees(make, tmp_path)


def test_a_scale_that_is_no_constant(tmp_path: Path) -> None:
    either(scale_of_the_input, tmp_path)


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e4])
def test_scales_of_any_size(scale: float, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.node("Mul", map_of(net), net.constant(np.float32(scale)))
        y = net.quantised(y, 0.05 * scale, -4)
        weight = net.weight((5, 8, 1, 1), typical=0.01 / scale)
        return net.quantised(net.node("Conv", y, weight), 0.01, 2)

    agrees(make, tmp_path)
