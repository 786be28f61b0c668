"""The importer: each supported operator means what onnxruntime says it means, within one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Concat, Conv, Graph, Pool, Rescale

from ..build_onnx import Qdq, run_onnxruntime
from ..graphs import inputs

Shape = tuple[int, int, int]


def compared(path: Path, graph: Graph, steps: int = 1) -> np.ndarray:
    """The reference's results, which lie within ``steps`` of onnxruntime's and are not constant."""
    x = inputs(np.random.default_rng(1), 6, graph.tensors[graph.inputs[0]])
    ours = reference.run(graph, x)
    theirs = run_onnxruntime(path, graph, x)
    assert np.abs(ours.astype(int) - theirs).max() <= steps
    assert len(np.unique(ours)) >= min(20, ours.size // 8)
    return ours


def conv(net: Qdq) -> str:
    return net.conv(net.x, 12, 6, 3, pads=[1, 1, 1, 1], strides=[2, 2])


def conv_per_tensor(net: Qdq) -> str:
    return net.conv(net.x, 12, 6, 3, per_channel=False)


def conv_without_bias(net: Qdq) -> str:
    return net.conv(net.x, 12, 6, 1, bias=False)


def conv_uneven_padding(net: Qdq) -> str:
    return net.conv(net.x, 12, 6, 2, pads=[1, 0, 0, 1])


def conv_same_upper(net: Qdq) -> str:
    return net.conv(net.x, 5, 6, 3, auto_pad="SAME_UPPER", strides=[2, 2])


def conv_same_lower(net: Qdq) -> str:
    return net.conv(net.x, 5, 6, 2, auto_pad="SAME_LOWER")


def conv_grouped(net: Qdq) -> str:
    return net.conv(net.x, 9, 6, 3, group=3)


def conv_depthwise(net: Qdq) -> str:
    return net.conv(net.x, 6, 6, 5, group=6, pads=[2, 2, 2, 2])


def conv_relu(net: Qdq) -> str:
    return net.node("Relu", conv(net))


def conv_clip(net: Qdq) -> str:
    bounds = (net.constant(np.float32(-0.7)), net.constant(np.float32(1.2)))
    return net.node("Clip", conv(net), *bounds)


def conv_clip_above(net: Qdq) -> str:
    return net.node("Clip", conv(net), "", net.constant(np.float32(1.0)))


def relu(net: Qdq) -> str:
    return net.node("Relu", net.x)


def leaky_relu(net: Qdq) -> str:
    return net.node("LeakyRelu", net.x, alpha=0.2)


def clip(net: Qdq) -> str:
    bounds = (net.constant(np.float32(-1.0)), net.constant(np.float32(2.0)))
    return net.node("Clip", net.x, *bounds)


def prelu_float_slope(net: Qdq) -> str:
    slope = net.constant(np.linspace(-0.3, 1.4, 6, dtype=np.float32).reshape(6, 1, 1))
    return net.node("PRelu", net.x, slope)


def prelu_quantised_slope(net: Qdq) -> str:
    return net.node("PRelu", net.x, net.weight((6, 1, 1), per_channel=False))


def prelu_one_slope(net: Qdq) -> str:
    return net.node("PRelu", net.x, net.constant(np.float32([0.3]).reshape(1, 1, 1)))


def max_pool(net: Qdq) -> str:
    return net.node("MaxPool", net.x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def max_pool_ceil(net: Qdq) -> str:
    return net.node("MaxPool", net.x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)


def average_pool(net: Qdq) -> str:
    return net.node("AveragePool", net.x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])


def average_pool_counted(net: Qdq) -> str:
    return net.node(
        "AveragePool", net.x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    )


def global_average_pool(net: Qdq) -> str:
    return net.node("GlobalAveragePool", net.x)


def global_max_pool(net: Qdq) -> str:
    return net.node("GlobalMaxPool", net.x)


def twice(net: Qdq) -> str:
    return net.node("Add", net.x, net.x)


SINGLE = [
    conv, conv_per_tensor, conv_without_bias, conv_uneven_padding, conv_same_upper,
    conv_same_lower, conv_grouped, conv_depthwise, conv_relu, conv_clip, conv_clip_above, relu,
    leaky_relu, clip, prelu_float_slope, prelu_quantised_slope, prelu_one_slope, max_pool,
    max_pool_ceil, average_pool, average_pool_counted, global_average_pool, global_max_pool, twice,
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.int8, np.uint8], ids=["int8", "uint8"])
@pytest.mark.parametrize("make", SINGLE)
def test_one_operator(tmp_path: Path, make: Callable[[Qdq], str], dtype: type) -> None:
    net = Qdq((6, 9, 7), dtype, seed=2)
    path = net.save(tmp_path, net.quantised(make(net), 0.04, -9))
    compared(path, load(path))


@pytest.mark.parametrize("scale, zero", [(0.05, 3), (0.11, -40)], ids=["equal", "other scale"])
@pytest.mark.parametrize("make", [max_pool, max_pool_ceil])
def test_maximum_is_rescaled_where_the_file_does(
    tmp_path: Path, make: Callable, scale: float, zero: int
) -> None:
    net = Qdq((6, 9, 7))
    path = net.save(tmp_path, net.quantised(make(net), scale, zero))
    graph = load(path)
    assert [type(op) for op in graph.ops] == [Pool] + [Rescale] * (scale != 0.05)
    compared(path, graph)


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("per_channel", [False, True], ids=["per tensor", "per channel"])
def test_gemm_behind_a_flattened_map(tmp_path: Path, trans: int, per_channel: bool) -> None:
    """The matrix counts channels first, our maps channels last."""
    net = Qdq((5, 2, 2))
    flat = net.node("Flatten", net.x)
    shape, axis = ((7, 20), 0) if trans else ((20, 7), 1)
    weight = net.weight(shape, per_channel=per_channel, axis=axis)
    bias = net.constant(np.linspace(-1, 1, 7, dtype=np.float32))
    y = net.node("Gemm", flat, weight, bias, transB=trans)
    path = net.save(tmp_path, net.quantised(y, 0.05, 4))
    graph = load(path)
    assert graph.tensors[graph.outputs[0]].shape == (1, 1, 7)
    compared(path, graph)


def test_matmul_behind_a_quantised_flatten(tmp_path: Path) -> None:
    """As quantisers write it: the flattened value is quantised again with the same numbers."""
    net = Qdq((5, 2, 2))
    flat = net.quantised(net.node("Flatten", net.x), 0.05, 3)
    y = net.node("MatMul", flat, net.weight((20, 6), per_channel=False))
    path = net.save(tmp_path, net.quantised(y, 0.05, 4))
    graph = load(path)
    assert [type(op) for op in graph.ops] == [Conv]
    compared(path, graph)


def test_moves_between_quantised_values(tmp_path: Path) -> None:
    net = Qdq((5, 1, 1))
    shape = net.constant(np.array([1, 24], np.int64))
    y = net.quantised(net.conv(net.node("Identity", net.x), 24, 5, 1), 0.03, 1)
    y = net.quantised(net.node("Reshape", y, shape), 0.03, 1)
    path = net.save(tmp_path, y)
    graph = load(path)
    assert [type(op) for op in graph.ops] == [Conv]
    compared(path, graph)


def test_move_of_a_value_that_is_not_quantised_yet(tmp_path: Path) -> None:
    net = Qdq((5, 1, 1))
    y = net.node("Flatten", net.conv(net.x, 24, 5, 1))
    path = net.save(tmp_path, net.quantised(y, 0.03, 1))
    compared(path, load(path))


def test_int32_bias_as_quantisers_write_it(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    weight = net.weight((4, 6, 3, 3))
    weight_scale = next(
        c for c in net.constants if c.name == net.nodes[-1].input[1]
    )  # fmt: skip
    scale = 0.05 * np.frombuffer(weight_scale.raw_data, np.float32)
    bias = net.constant(np.array([-900, 0, 4000, 123456], np.int32))
    real = net.node(
        "DequantizeLinear", bias, net.constant(scale.astype(np.float32)),
        net.constant(np.zeros(4, np.int32)), axis=0,
    )  # fmt: skip
    path = net.save(tmp_path, net.quantised(net.node("Conv", net.x, weight, real), 0.06, 2))
    graph = load(path)
    (op,) = graph.ops
    assert isinstance(op, Conv) and op.bias.tolist() == [-900, 0, 4000, 123456]
    compared(path, graph)


def test_concat_of_different_scales(tmp_path: Path) -> None:
    net = Qdq((6, 5, 4))
    a = net.quantised(net.conv(net.x, 7, 6, 1), 0.08, 11)
    b = net.quantised(net.conv(net.x, 16, 6, 1), 0.03, -30)
    y = net.quantised(net.node("Concat", a, b, axis=1), 0.08, 11)
    path = net.save(tmp_path, y)
    graph = load(path)
    kinds = [type(op) for op in graph.ops]
    assert kinds.count(Rescale) == 1 and kinds[-1] is Concat
    compared(path, graph, steps=2)  # the rescaled part: a difference of the Conv may be doubled


def test_add_of_different_scales(tmp_path: Path) -> None:
    net = Qdq((6, 5, 4))
    a = net.quantised(net.node("LeakyRelu", net.x, alpha=0.5), 0.021, 11)
    path = net.save(tmp_path, net.quantised(net.node("Add", net.x, a), 0.07, -5))
    compared(path, load(path))


def test_add_with_relu(tmp_path: Path) -> None:
    net = Qdq((6, 5, 4))
    y = net.node("Relu", net.node("Add", net.x, net.x))
    path = net.save(tmp_path, net.quantised(y, 0.05, -128))
    assert compared(path, load(path)).min() == -128


def test_what_the_graph_carries(tmp_path: Path) -> None:
    net = Qdq((6, 9, 7), zero=-5, scale=0.25)
    path = net.save(tmp_path, net.quantised(conv(net)), "tiny.int8.onnx")
    graph = load(path)
    assert (graph.name, graph.record) == ("tiny", "{}")
    assert graph.tensors[graph.inputs[0]].shape == (9, 7, 6)
    assert graph.tensors[graph.inputs[0]].quantisation == (0.25, -5)
    assert graph.tensors[graph.outputs[0]].shape == (5, 4, 12)
    assert len(graph.sha256) == 64
