"""Inputs and outputs: order, type, layout, names, and shapes that the file states itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from .judge import GUILTY, Make, agrees, checked, either, guilty, map_of, saved


def flattened(net: Qdq) -> str:
    """Flatten behind a map: the file's order is C, H, W."""
    return net.node("Flatten", map_of(net))


def flattened_before_its_pair(net: Qdq) -> str:
    return net.quantised(net.node("Flatten", net.conv(net.x, 5, 6)), 0.05, 3)


def channels_last(net: Qdq) -> str:
    return net.node("Transpose", map_of(net), perm=[0, 2, 3, 1])


def rows_of_boxes(net: Qdq) -> str:
    """(1, H * W * 2, 4): the end of a detector."""
    y = net.node("Transpose", map_of(net), perm=[0, 2, 3, 1])
    return net.node("Reshape", y, net.constant(np.array([1, -1, 4], np.int64)))


def joined_boxes(net: Qdq) -> str:
    parts = []
    for scale in (0.05, 0.07):
        y = net.node("Transpose", map_of(net, scale=scale), perm=[0, 2, 3, 1])
        parts.append(net.node("Reshape", y, net.constant(np.array([1, -1, 4], np.int64))))
    return net.quantised(net.node("Concat", *parts, axis=1), 0.06, 3)


def several(net: Qdq) -> list[str]:
    """A map, what is made of it, and a third, in an order that is not that of the nodes."""
    a = map_of(net)
    b = net.quantised(net.conv(a, 5, 8), 0.2, 3)
    c = net.quantised(net.node("MaxPool", a, kernel_shape=[2, 2]), 0.05, -4)
    return [c, a, b]


def read_inside(net: Qdq) -> list[str]:
    """The stored integers are an output and dequantised inside."""
    numbers = net.constant(np.float32(0.05)), net.constant(np.int8(3))
    stored = net.node("QuantizeLinear", net.conv(net.x, 5, 6), *numbers)
    y = net.node("DequantizeLinear", stored, *numbers)
    return [net.quantised(net.conv(y, 4, 5), 0.2, 3), y]


def float_convolution(net: Qdq) -> str:
    return net.conv(map_of(net), 5, 8)


def float_matrix(net: Qdq) -> str:
    return net.node("Gemm", net.node("Flatten", map_of(net)), net.weight((512, 5), axis=1))


def float_activation(net: Qdq) -> str:
    return net.node("Relu", net.conv(map_of(net), 5, 8))


def float_sum(net: Qdq) -> str:
    return net.node("Add", net.conv(map_of(net), 8, 8, 1), map_of(net))


def pair_of_the_input(net: Qdq) -> str:
    """Nothing but the input's own pair."""
    return net.node("Identity", net.x)


def one_pixel(net: Qdq) -> str:
    return net.quantised(net.node("GlobalAveragePool", map_of(net)), 0.01, 3)


def moved_after_all(net: Qdq) -> str:
    """A map turned on its side."""
    return net.node("Transpose", map_of(net), perm=[0, 1, 3, 2])


@pytest.mark.parametrize(
    "make",
    [
        flattened, flattened_before_its_pair, channels_last, rows_of_boxes, joined_boxes, several,
        read_inside, float_convolution, float_matrix, float_activation, float_sum,
        pair_of_the_input, one_pixel, moved_after_all,
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_outputs(make: Make, dtype: type, tmp_path: Path) -> None:
    agrees(make, tmp_path, dtype=dtype, shape=(6, 8, 8))


def test_a_flattened_output_has_the_order_of_the_file(tmp_path: Path) -> None:
    """C, H, W by the bytes themselves, not by what the import says of them."""
    net = Qdq((6, 7, 9))
    path = saved(net.model(net.node("Flatten", net.x)), tmp_path)
    graph = load(path)
    x = np.random.default_rng(0).integers(-128, 128, (1, 7, 9, 6)).astype(np.int8)
    found = reference.run(graph, x)
    assert np.array_equal(found.ravel(), x.transpose(0, 3, 1, 2).ravel())


def stored_ends(net: Qdq, kind: int, shape: list[int]) -> onnx.ModelProto:
    """A network of integers at both ends, of one type."""
    dtype = np.int8 if kind == TensorProto.INT8 else np.uint8
    zero = np.asarray(7 if dtype == np.int8 else 135, dtype)
    net.inputs[0] = helper.make_tensor_value_info("x", kind, shape)
    net.nodes.clear()
    numbers = net.constant(np.float32(0.05)), net.constant(zero)
    x = net.node("DequantizeLinear", "x", *numbers)
    y = net.node("QuantizeLinear", net.conv(x, 5, 6), *numbers)
    results = [helper.make_tensor_value_info(y, kind, [1, 5, shape[2] - 2, shape[3] - 2])]
    graph = helper.make_graph(net.nodes, "small", net.inputs, results, net.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    return model


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.UINT8])
def test_integers_at_both_ends(kind: int, tmp_path: Path) -> None:
    checked(saved(stored_ends(Qdq((6, 8, 8)), kind, [1, 6, 8, 8]), tmp_path))


def test_an_input_of_channels_last(tmp_path: Path) -> None:
    net = Qdq((8, 9, 6))
    x = net.node("Transpose", net.x, perm=[0, 3, 1, 2])
    y = net.quantised(net.conv(x, 5, 6), 0.2, 3)
    model = net.model(net.node("Transpose", y, perm=[0, 2, 3, 1]))
    checked(saved(model, tmp_path))
    graph = load(tmp_path / "case.onnx")
    assert graph.tensors[graph.inputs[0]].shape == (8, 9, 6)
    assert graph.tensors[graph.outputs[0]].shape == (6, 7, 5)


@pytest.mark.parametrize("shape", [(6,), (6, 8), (6, 8, 8), (2, 3, 4, 8)], ids=str)
def test_inputs_of_other_ranks(shape: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return net.quantised(guilty(net, "Sigmoid", net.x), 1 / 256, -128)

    agrees(make, tmp_path, shape=shape)


def two_inputs(net: Qdq) -> str:
    other = net.more_input("other", (6, 8, 8), 0.02, -9)
    return net.quantised(net.node("Sub", other, net.x), 0.06, 0)


def inputs_of_two_ranks(net: Qdq) -> str:
    other = net.more_input("other", (6,), 0.02, -9)
    gate = net.node("Reshape", other, net.constant(np.array([1, 6, 1, 1], np.int64)))
    return net.quantised(net.node("Mul", net.x, gate), 0.06, 0)


def input_read_twice(net: Qdq) -> str:
    """Two pairs of one quantisation on one input."""
    again = net.quantised("x", 0.05, 3)
    return net.quantised(
        net.node("Add", net.conv(net.x, 6, 6, 1), net.conv(again, 6, 6, 1)), 0.2, 1
    )


def input_of_two_quantisations(net: Qdq) -> str:
    other = net.quantised("x", 0.02, -20)
    return net.quantised(net.node("Add", net.x, other), 0.06, 0)


def input_before_its_pair(net: Qdq) -> str:
    """(x - mean) * scale in float, then the pair: preprocessing left in."""
    y = net.node("Sub", "x", net.constant(np.float32(0.4)))
    y = net.node("Mul", y, net.constant(net.random.uniform(1, 3, (6, 1, 1)).astype(np.float32)))
    y = net.quantised(y, 0.1, 0)
    return net.quantised(net.conv(y, 5, 6), 0.2, 3)


def float_input(net: Qdq) -> str:
    """A float input that a convolution reads as it is: the first layer in float."""
    weight = net.constant(net.random.normal(0, 0.1, (6, 6, 3, 3)).astype(np.float32))
    y = net.quantised(guilty(net, "Conv", "x", weight), 0.1, 3)
    return net.quantised(net.conv(y, 5, 6), 0.2, 3)


@pytest.mark.parametrize(
    "make",
    [two_inputs, inputs_of_two_ranks, input_read_twice, input_of_two_quantisations,
     input_before_its_pair],
)  # fmt: skip
def test_inputs(make: Make, tmp_path: Path) -> None:
    agrees(make, tmp_path)


def test_a_float_input(tmp_path: Path) -> None:
    either(float_input, tmp_path)


# ------------------------------------------------------------------------------ names and leftovers


def test_nodes_without_names(tmp_path: Path) -> None:
    """Three convolutions of no name must not share a weight."""
    net = Qdq((6, 8, 8))
    y = net.x
    for _ in range(3):
        y = net.quantised(net.conv(y, 6, 6, pads=[1, 1, 1, 1]), 0.1, 3)
    model = net.model(y)
    for node in model.graph.node:
        node.name = ""
    graph = load(saved(model, tmp_path))
    assert len({op.name for op in graph.ops}) == len(graph.ops) == 3
    checked(tmp_path / "case.onnx")


def test_nodes_of_one_name(tmp_path: Path) -> None:
    """Names of nodes need not differ; names of values must. onnxruntime takes no such file."""
    net = Qdq((6, 8, 8))
    y = net.x
    for _ in range(3):
        y = net.quantised(net.node("Relu", net.conv(y, 6, 6, pads=[1, 1, 1, 1])), 0.1, 3)
    model = net.model(y)
    named = load(saved(model, tmp_path))
    for node in model.graph.node:
        node.name = "same"
    graph = load(saved(model, tmp_path))
    x = np.random.default_rng(0).integers(-128, 128, (2, 8, 8, 6)).astype(np.int8)
    assert np.array_equal(reference.run(graph, x), reference.run(named, x))
    assert len({op.name for op in graph.ops}) == len(graph.ops)


def test_what_nothing_reads(tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    y = map_of(net)
    net.node("NonMaxSuppression", y, y, name="dead")
    net.quantised(net.node("Sigmoid", y))
    net.nodes[-3].input[0] = y
    dead = next(node for node in net.nodes if node.name == "dead")
    dead.op_type = "Softsign"
    dead.input[:] = [y]
    checked(saved(net.model(net.quantised(net.conv(y, 5, 8), 0.2, 3)), tmp_path))


def test_constants_among_the_inputs(tmp_path: Path) -> None:
    """Files of old versions list every constant as an input too."""
    net = Qdq((6, 8, 8))
    model = net.model(net.quantised(net.conv(net.x, 5, 6), 0.2, 3))
    for constant in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(constant.name, constant.data_type, constant.dims)
        )
    checked(saved(model, tmp_path))


def test_an_open_batch(tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    model = net.model(net.quantised(net.conv(net.x, 5, 6), 0.2, 3))
    for end in (*model.graph.input, *model.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "N"
    checked(saved(model, tmp_path))


# ------------------------------------------------------------------------- shapes that contradict


@pytest.mark.parametrize(
    "shape", [[1, 8, 60, 60], [1, 8, 4, 16], [1, 16, 8, 4], [8, 8, 8], [1, 8, 8, 9]], ids=str
)
@pytest.mark.parametrize("which", ["float", "stored"])
def test_a_stated_shape_that_contradicts(shape: list[int], which: str, tmp_path: Path) -> None:
    """``value_info`` of a map of (1, 8, 8, 8): once it was read outside of the arena."""
    net = Qdq((6, 8, 8))
    y = map_of(net)
    model = net.model(net.quantised(net.conv(y, 5, 8), 0.2, 3))
    stored = which == "stored"
    name = next(n.input[0] for n in model.graph.node if n.output[0] == y) if stored else y
    kind = TensorProto.INT8 if stored else TensorProto.FLOAT
    model.graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))
    path = saved(model, tmp_path)
    try:
        load(path)
    except CompileError as error:
        writer = next(n.name for n in model.graph.node if name in n.output)
        assert writer in str(error) or name in str(error)
        return
    checked(path)


@pytest.mark.parametrize("shape", [[1, 5, 60, 60], [1, 5, 3, 12], [1, 180], [5, 6, 6]], ids=str)
def test_a_stated_output_that_contradicts(shape: list[int], tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    model = net.model(net.quantised(net.conv(net.x, 5, 6), 0.2, 3))
    name = model.graph.output[0].name
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    path = saved(model, tmp_path)
    try:
        load(path)
    except CompileError as error:
        assert name in str(error)
        return
    checked(path)


@pytest.mark.parametrize("kind", [TensorProto.INT8, TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_a_stated_type_that_contradicts(kind: int, tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    model = net.model(net.quantised(net.conv(net.x, 5, 6), 0.2, 3))
    model.graph.output[0].type.tensor_type.elem_type = kind
    path = saved(model, tmp_path)
    try:
        load(path)
    except CompileError as error:
        assert path.name in str(error)
        return
    checked(path)


@pytest.mark.parametrize("weight", [(5, 6, 3, 3), (5, 3, 3, 3), (5, 6, 3), (5, 12, 3, 3)], ids=str)
@pytest.mark.parametrize("kernel", [[3, 3], [5, 5], [1, 1], [3]], ids=str)
def test_a_kernel_that_contradicts(
    weight: tuple[int, ...], kernel: list[int], tmp_path: Path
) -> None:
    def make(net: Qdq) -> str:
        y = guilty(net, "Conv", net.x, net.weight(weight), kernel_shape=kernel)
        return net.quantised(y, 0.2, 3)

    try:
        either(make, tmp_path, names=(GUILTY, "case.onnx"))
    except onnx.shape_inference.InferenceError:
        pytest.skip("onnx writes no shapes for it")
