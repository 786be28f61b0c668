"""Files that no one should have written: one CompileError each, with file, node and remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend.load import RECORD_KEY, load

from ...build_onnx import Qdq
from ..meaning.judge import GUILTY, checked, saved

Damage = Callable[[onnx.ModelProto], None]


def raw(net: Qdq, *outputs: str, opset: int = 17) -> onnx.ModelProto:
    """A model without any check, its outputs without shapes."""
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    for result in results:
        result.type.tensor_type.elem_type = TensorProto.FLOAT
    graph = helper.make_graph(net.nodes, "small", net.inputs, results, net.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 10
    return model


def refused(model: onnx.ModelProto, folder: Path, *words: str) -> None:
    """One CompileError that names the file, and one of ``words`` if any are given."""
    path = saved(model, folder)
    with pytest.raises(CompileError) as caught:
        pipeline.optimise(load(path))
    message = str(caught.value)
    assert path.name in message
    assert not words or any(word in message for word in words), message


# ---------------------------------------------------------------------------- attributes of a node


def node(kind: str, *more: object, opset: int = 17, inputs: int = 1, **attributes: object):
    """The operator in question on a map (1, 6, 8, 8); ``more`` are constants behind it."""

    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        names = [net.x] * inputs
        for value in more:
            known = value is None or isinstance(value, str)
            names.append("" if value is None else value if known else net.constant(value))
        y = net.node(kind, *names, name=GUILTY, **attributes)
        return raw(net, net.quantised(y), opset=opset)

    return make


def conv(shape: tuple[int, ...] = (5, 6, 3, 3), bias: int = 0, **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        more = [net.constant(np.ones(bias, np.float32))] if bias else []
        weight = net.weight(shape, per_channel=False)
        y = net.node("Conv", net.x, weight, *more, name=GUILTY, **attributes)
        return raw(net, net.quantised(y))

    return make


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def reals(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


HUGE = 2**62
NODES = {
    "Conv: pads of two values": conv(pads=[1, 1]),
    "Conv: pads of five values": conv(pads=[1, 1, 1, 1, 1]),
    "Conv: stride 0": conv(strides=[0, 1]),
    "Conv: negative stride": conv(strides=[-1, 1]),
    "Conv: three strides": conv(strides=[1, 1, 1]),
    "Conv: dilation 0": conv(dilations=[0, 1]),
    "Conv: group 0": conv(group=0),
    "Conv: negative group": conv(group=-2),
    "Conv: huge group": conv(group=HUGE),
    "Conv: huge pads": conv(pads=[HUGE] * 4),
    "Conv: huge stride": conv(strides=[HUGE, HUGE], pads=[1, 1, 1, 1]),
    "Conv: kernel 0": conv((5, 6, 0, 3)),
    "Conv: no outputs": conv((0, 6, 3, 3)),
    "Conv: kernel larger than the map": conv((5, 6, 11, 11)),
    "Conv: weight of rank 2": conv((5, 6)),
    "Conv: weight of rank 5": conv((5, 6, 3, 3, 3)),
    "Conv: channels that do not fit": conv((5, 7, 3, 3)),
    "Conv: bias that does not fit": conv(bias=4),
    "Conv: kernel_shape that contradicts": conv(kernel_shape=[5, 5]),
    "Conv: unknown padding": conv(auto_pad="UPSIDE_DOWN"),
    "Conv: no weight": node("Conv"),
    "MaxPool: no kernel": node("MaxPool"),
    "MaxPool: kernel of one value": node("MaxPool", kernel_shape=[2]),
    "MaxPool: kernel 0": node("MaxPool", kernel_shape=[0, 2]),
    "MaxPool: negative kernel": node("MaxPool", kernel_shape=[-2, 2]),
    "MaxPool: huge kernel": node("MaxPool", kernel_shape=[HUGE, HUGE]),
    "MaxPool: kernel larger than the map": node("MaxPool", kernel_shape=[9, 9]),
    "MaxPool: stride 0": node("MaxPool", kernel_shape=[2, 2], strides=[0, 0]),
    "MaxPool: pads of two values": node("MaxPool", kernel_shape=[2, 2], pads=[1, 1]),
    "AveragePool: stride 0": node("AveragePool", kernel_shape=[2, 2], strides=[0, 0]),
    "AveragePool: pads beyond the kernel": node("AveragePool", kernel_shape=[2, 2], pads=[2] * 4),
    "AveragePool: huge pads": node("AveragePool", kernel_shape=[2, 2], pads=[HUGE] * 4),
    "Clip: NaN": node("Clip", np.float32(np.nan), np.float32(1)),
    "Clip: two bounds": node("Clip", reals(0, 1)),
    "Clip: bound of another type": node("Clip", np.int64(0)),
    "Clip: absent bound": node("Clip", "nothing"),
    "PRelu: slope that does not fit": node("PRelu", np.ones((5, 1, 1), np.float32)),
    "PRelu: no slope": node("PRelu"),
    "Softmax: axis beyond": node("Softmax", axis=7),
    "Concat: no axis": node("Concat", inputs=2),
    "Concat: axis beyond": node("Concat", inputs=2, axis=4),
    "Concat: nothing": node("Concat", inputs=0, axis=1),
    "Flatten: axis beyond": node("Flatten", axis=5),
    "Transpose: order of three": node("Transpose", perm=[0, 1, 2]),
    "Transpose: an axis twice": node("Transpose", perm=[0, 1, 1, 2]),
    "Transpose: axis beyond": node("Transpose", perm=[0, 1, 2, 9]),
    "Reshape: no shape": node("Reshape"),
    "Reshape: another size": node("Reshape", ints(1, 7, 8, 8)),
    "Reshape: does not divide": node("Reshape", ints(1, 7, -1)),
    "Reshape: two open axes": node("Reshape", ints(-1, -1)),
    "Reshape: negative": node("Reshape", ints(1, -5)),
    "Reshape: shape of floats": node("Reshape", reals(1, 384)),
    "Reshape: huge": node("Reshape", ints(HUGE, HUGE)),
    "Squeeze: axis that is not 1": node("Squeeze", ints(2)),
    "Squeeze: axis beyond": node("Squeeze", ints(9)),
    "Unsqueeze: an axis twice": node("Unsqueeze", ints(0, 0)),
    "Unsqueeze: axis beyond": node("Unsqueeze", ints(9)),
    "Slice: no ends": node("Slice", ints(0)),
    "Slice: step 0": node("Slice", ints(0), ints(4), ints(2), ints(0)),
    "Slice: more ends than starts": node("Slice", ints(0), ints(4, 4), ints(2)),
    "Slice: axis beyond": node("Slice", ints(0), ints(4), ints(7)),
    "Slice: nothing left": node("Slice", ints(4), ints(4), ints(2)),
    "Split: sizes that do not fit": node("Split", ints(2, 2), axis=1),
    "Split: axis beyond": node("Split", ints(3, 3), axis=8),
    "Gather: index beyond": node("Gather", ints(17), axis=1),
    "Gather: axis beyond": node("Gather", ints(0), axis=9),
    "Gather: index of floats": node("Gather", reals(0), axis=1),
    "Pad: four values": node("Pad", ints(1, 1, 1, 1)),
    "Pad: crops all": node("Pad", ints(0, 0, -9, 0, 0, 0, 0, 0)),
    "Pad: huge": node("Pad", ints(0, 0, HUGE, 0, 0, 0, HUGE, 0)),
    "Pad: unknown mode": node("Pad", ints(*[0, 0, 1, 0, 0, 0, 0, 0]), mode="sideways"),
    "Pad: reflects more than there is": node("Pad", ints(0, 0, 30, 0, 0, 0, 0, 0), mode="reflect"),
    "DepthToSpace: block 0": node("DepthToSpace", blocksize=0),
    "DepthToSpace: block that does not fit": node("DepthToSpace", blocksize=5),
    "DepthToSpace: huge block": node("DepthToSpace", blocksize=HUGE),
    "SpaceToDepth: block that does not fit": node("SpaceToDepth", blocksize=3),
    "Resize: scale 0": node("Resize", None, reals(1, 1, 0, 0)),
    "Resize: NaN": node("Resize", None, reals(1, 1, np.nan, 2)),
    "Resize: negative": node("Resize", None, reals(1, 1, -2, 2)),
    "Resize: huge": node("Resize", None, reals(1, 1, 1e9, 1e9)),
    "Resize: two scales": node("Resize", None, reals(2, 2)),
    "Resize: neither": node("Resize", None, None),
    "Resize: sizes 0": node("Resize", None, None, ints(1, 6, 0, 8)),
    "Resize: unknown mode": node("Resize", None, reals(1, 1, 2, 2), mode="wild"),
    "Expand: does not fit": node("Expand", ints(1, 6, 9, 8)),
    "Expand: huge": node("Expand", ints(HUGE, 6, 8, 8)),
    "ReduceMean: axis beyond": node("ReduceMean", axes=[2, 9]),
    "ReduceMean: an axis twice": node("ReduceMean", axes=[2, -2]),
    "Gemm: a map": node("Gemm", np.ones((6, 5), np.float32)),
    "MatMul: does not fit": node("MatMul", np.ones((7, 5), np.float32)),
    "MatMul: one operand": node("MatMul"),
    "Add: does not fit": node("Add", np.ones((7,), np.float32)),
    "Add: one operand": node("Add"),
    "Add: an absent operand": node("Add", "nothing"),
    "Relu: no operand": node("Relu", inputs=0),
    "LeakyRelu: NaN": node("LeakyRelu", alpha=float("nan")),
    "HardSigmoid: infinite": node("HardSigmoid", alpha=float("inf")),
    "If": node("If"),
    "Loop": node("Loop"),
    "no kind": node(""),
}  # fmt: skip
TAKEN = {
    "LeakyRelu: NaN", "HardSigmoid: infinite", "ReduceMean: an axis twice", "Conv: huge stride",
    "Pad: reflects more than there is",
}  # fmt: skip
"""What may be taken, if it is taken as the file means it."""


@pytest.mark.parametrize("case", [name for name in NODES if name not in TAKEN])
def test_node(case: str, tmp_path: Path) -> None:
    kind = case.partition(":")[0]
    named = () if case == "no kind" else (GUILTY, kind, "DequantizeLinear")
    refused(NODES[case](), tmp_path, *named)


@pytest.mark.parametrize("case", sorted(TAKEN))
def test_odd_node(case: str, tmp_path: Path) -> None:
    path = saved(NODES[case](), tmp_path)
    try:
        pipeline.optimise(load(path))
    except CompileError as error:
        assert GUILTY in str(error)
        return
    checked(path)


# ------------------------------------------------------------------------------------ quantisations


def activation(scale: object, zero: object = np.int8(3), **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        numbers = [net.constant(scale), net.constant(zero)]
        y = net.node("QuantizeLinear", net.conv(net.x, 5, 6), *numbers, name=GUILTY, **attributes)
        return raw(net, net.node("DequantizeLinear", y, *numbers, name="guilty too"))

    return make


def weight(scale: object, zero: object = np.int8(0), **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        values = net.constant(np.ones((5, 6, 3, 3), np.int8))
        names = [net.constant(scale), net.constant(zero)]
        found = net.node("DequantizeLinear", values, *names, name="guilty weight", **attributes)
        bias = net.constant(np.ones(5, np.float32))
        y = net.node("Conv", net.x, found, bias, name=GUILTY)
        return raw(net, net.quantised(y))

    return make


QUANTISATIONS = {
    "scale 0": activation(np.float32(0)),
    "negative scale": activation(np.float32(-0.1)),
    "NaN": activation(np.float32(np.nan)),
    "infinite": activation(np.float32(np.inf)),
    "denormal": activation(np.float32(1e-41)),
    "scale of integers": activation(np.int32(1)),
    "scale of doubles": activation(np.float64(0.1)),
    "no scales": activation(np.zeros(0, np.float32)),
    "two scales": activation(reals(0.1, 0.2)),
    "scales of rank 2": activation(np.full((1, 2), 0.1, np.float32)),
    "float zero point": activation(np.float32(0.1), np.float32(3)),
    "int64 zero point": activation(np.float32(0.1), np.int64(3)),
    "bool zero point": activation(np.float32(0.1), np.bool_(True)),
    "two zero points": activation(np.float32(0.1), np.int8([1, 2])),
    "weight of NaN": weight(np.float32(np.nan)),
    "weight of infinite scale": weight(np.float32(np.inf)),
    "weight of two scales": weight(reals(0.1, 0.2), np.int8([0, 0]), axis=0),
    "weight of an axis beyond": weight(np.full(5, 0.1, np.float32), np.zeros(5, np.int8), axis=9),
    "weight of zero points that do not fit": weight(
        np.full(5, 0.1, np.float32), np.zeros(4, np.int8), axis=0
    ),
    "weight of a zero point of another type": weight(np.float32(0.1), np.uint8(3)),
    "weight of no scale": weight(np.zeros(0, np.float32)),
}


@pytest.mark.parametrize("case", QUANTISATIONS)
def test_quantisation(case: str, tmp_path: Path) -> None:
    refused(QUANTISATIONS[case](), tmp_path, GUILTY, "Linear", "weight")


# ------------------------------------------------------------------------------------ whole graphs


def network() -> onnx.ModelProto:
    net = Qdq((6, 8, 8))
    y = net.quantised(net.node("Relu", net.conv(net.x, 5, 6)), 0.05, -128)
    y = net.quantised(net.conv(y, 4, 5), 0.05, 3)
    return raw(net, net.quantised(net.node("Sigmoid", y, name=GUILTY), 1 / 256, -128))


def with_sigmoid(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(n for n in model.graph.node if n.name == GUILTY)


def cycle(model: onnx.ModelProto) -> None:
    first, last = model.graph.node[0], model.graph.node[-1]
    first.input[0] = last.output[0]


def self_loop(model: onnx.ModelProto) -> None:
    n = with_sigmoid(model)
    n.input[0] = n.output[0]


def cycle_of_two(model: onnx.ModelProto) -> None:
    model.graph.node.extend([
        helper.make_node("Relu", ["a"], ["b"], name="one"),
        helper.make_node("Relu", ["b"], ["a"], name="two"),
    ])  # fmt: skip
    with_sigmoid(model).input[0] = "a"


def written_twice(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = model.graph.node[-3].output[0]


def constant_written(model: onnx.ModelProto) -> None:
    model.graph.node[-3].output[0] = model.graph.initializer[0].name


def input_written(model: onnx.ModelProto) -> None:
    model.graph.node[-3].output[0] = "x"


def never_written(model: onnx.ModelProto) -> None:
    with_sigmoid(model).input[0] = "nobody"


def absent_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "nobody"


def outputs_of_one_name(model: onnx.ModelProto) -> None:
    model.graph.output.append(model.graph.output[0])


def inputs_of_one_name(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def constants_of_one_name(model: onnx.ModelProto) -> None:
    other = numpy_helper.from_array(np.float32(77), model.graph.initializer[0].name)
    model.graph.initializer.append(other)


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def no_inputs(model: onnx.ModelProto) -> None:
    del model.graph.input[:]


def no_nodes(model: onnx.ModelProto) -> None:
    del model.graph.node[:]


def nothing(model: onnx.ModelProto) -> None:
    model.Clear()


def no_graph(model: onnx.ModelProto) -> None:
    model.ClearField("graph")


def no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def opset(version: int) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = version

    return damage


def shape_of_input(*sizes: int | str | None) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)
        model.graph.input[0].CopyFrom(entry)

    return damage


def type_of_input(kind: int) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = kind

    return damage


def untyped_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].ClearField("type")


def shapeless_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.ClearField("shape")


def sequence_input(model: onnx.ModelProto) -> None:
    entry = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [1, 6, 8, 8])
    model.graph.input[0].CopyFrom(entry)


def unread_input(model: onnx.ModelProto) -> None:
    more = helper.make_tensor_value_info("more", TensorProto.FLOAT, [1, 6, 8, 8])
    model.graph.input.append(more)


def constant(change: Callable[[onnx.TensorProto], None]) -> Damage:
    """A change of the first weight's values."""

    def damage(model: onnx.ModelProto) -> None:
        change(next(c for c in model.graph.initializer if len(c.dims) == 4))

    return damage


def huge_dimensions(tensor: onnx.TensorProto) -> None:
    tensor.dims[:] = [2**40, 2**40, 1, 1]


def negative_dimensions(tensor: onnx.TensorProto) -> None:
    tensor.dims[:] = [-5, 6, 3, 3]


def other_dimensions(tensor: onnx.TensorProto) -> None:
    tensor.dims[:] = [5, 6, 3, 4]


def unknown_type(tensor: onnx.TensorProto) -> None:
    tensor.data_type = 77


def no_type(tensor: onnx.TensorProto) -> None:
    tensor.data_type = 0


def strings(tensor: onnx.TensorProto) -> None:
    tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.STRING, [2], [b"a", b"b"]))


def no_values(tensor: onnx.TensorProto) -> None:
    tensor.raw_data = b""


def half_the_values(tensor: onnx.TensorProto) -> None:
    tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // 2]


def elsewhere(location: str, **more: str) -> Callable[[onnx.TensorProto], None]:
    def change(tensor: onnx.TensorProto) -> None:
        tensor.raw_data = b""
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=value)

    return change


def attribute_of_another_type(model: onnx.ModelProto) -> None:
    n = next(n for n in model.graph.node if n.op_type == "Conv")
    n.attribute.append(helper.make_attribute("strides", [1.5, 1.5]))


def attribute_of_another_kind(model: onnx.ModelProto) -> None:
    n = next(n for n in model.graph.node if n.op_type == "Conv")
    n.attribute.append(helper.make_attribute("strides", "two"))


def unknown_attribute(model: onnx.ModelProto) -> None:
    n = next(n for n in model.graph.node if n.op_type == "Conv")
    n.attribute.append(helper.make_attribute("colour", 3))


def attribute_twice(model: onnx.ModelProto) -> None:
    n = next(n for n in model.graph.node if n.op_type == "Conv")
    for stride in (1, 2):
        n.attribute.append(helper.make_attribute("strides", [stride, stride]))


def reference_attribute(model: onnx.ModelProto) -> None:
    n = next(n for n in model.graph.node if n.op_type == "Conv")
    n.attribute.add(name="strides", ref_attr_name="outside", type=onnx.AttributeProto.INTS)


def no_result(model: onnx.ModelProto) -> None:
    del with_sigmoid(model).output[:]


def empty_result(model: onnx.ModelProto) -> None:
    with_sigmoid(model).output[0] = ""


def more_results(model: onnx.ModelProto) -> None:
    with_sigmoid(model).output.append("second")


def record(text: str) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        model.metadata_props.add(key=RECORD_KEY, value=text)

    return damage


GRAPHS: dict[str, Damage] = {
    **{f.__name__: f for f in (
        cycle, self_loop, cycle_of_two, written_twice, constant_written, input_written,
        never_written, absent_output, outputs_of_one_name, inputs_of_one_name,
        constants_of_one_name, no_outputs, no_inputs, no_nodes, nothing, no_graph, no_opset,
        untyped_input, shapeless_input, sequence_input, unread_input, attribute_of_another_type,
        attribute_of_another_kind, unknown_attribute, attribute_twice, reference_attribute,
        no_result, empty_result, more_results,
    )},
    "opset 0": opset(0),
    "opset 1": opset(1),
    "opset of the future": opset(9999),
    "negative opset": opset(-1),
    "input of rank 0": shape_of_input(),
    "input of no values": shape_of_input(1, 0, 8, 8),
    "input of other channels": shape_of_input(1, 7, 8, 8),
    "input of rank 7": shape_of_input(1, 1, 1, 1, 6, 8, 8),
    "input of open size": shape_of_input(1, 6, "height", None),
    "input of negative size": shape_of_input(1, 6, -8, 8),
    "huge input": shape_of_input(1, 6, 2**31, 2**31),
    "arena of 21 GB": shape_of_input(1, 6, 60000, 60000),
    "input of doubles": type_of_input(TensorProto.DOUBLE),
    "input of halves": type_of_input(TensorProto.FLOAT16),
    "input of strings": type_of_input(TensorProto.STRING),
    "input of int8": type_of_input(TensorProto.INT8),
    "input of no type": type_of_input(0),
    "input of an unknown type": type_of_input(99),
    "weight of huge dimensions": constant(huge_dimensions),
    "weight of negative dimensions": constant(negative_dimensions),
    "weight of other dimensions": constant(other_dimensions),
    "weight of an unknown type": constant(unknown_type),
    "weight of no type": constant(no_type),
    "weight of strings": constant(strings),
    "weight of no values": constant(no_values),
    "weight of half its values": constant(half_the_values),
    "weight elsewhere": constant(elsewhere("absent.bin")),
    "weight far away": constant(elsewhere("../../../../../../etc/passwd")),
    "weight at the root": constant(elsewhere("/etc/passwd")),
    "weight at a negative offset": constant(elsewhere("case.onnx", offset="-5")),
    "weight behind the end": constant(elsewhere("case.onnx", offset="99999999")),
    "weight at an offset that is no number": constant(elsewhere("case.onnx", offset="here")),
    "record of nested lists": record("[" * 100_000),
    "record of nested tables": record('{"a":' * 50_000 + "1" + "}" * 50_000),
    "record of no table": record("[1, 2]"),
    "record of a number": record("7"),
    "record of NaN": record('{"size": NaN}'),
    "record of half a letter": record('{"size": "\\ud800"'),
}  # fmt: skip


@pytest.mark.parametrize("case", GRAPHS)
def test_graph(case: str, tmp_path: Path) -> None:
    model = network()
    GRAPHS[case](model)
    refused(model, tmp_path)


@pytest.mark.parametrize("kind", ["Identity", "Relu", "Neg", "Transpose"])
@pytest.mark.parametrize("length", [3000])
def test_long_chains(kind: str, length: int, tmp_path: Path) -> None:
    """Thousands of operators in a row are no reason for a RecursionError."""
    net = Qdq((6, 8, 8))
    y = net.x
    for _ in range(length):
        y = net.node(kind, y)
    path = saved(raw(net, net.quantised(y)), tmp_path)
    try:
        pipeline.optimise(load(path))
    except CompileError as error:
        assert path.name in str(error)


def test_a_long_network(tmp_path: Path) -> None:
    net = Qdq((2, 3, 3))
    y = net.x
    for _ in range(600):
        y = net.quantised(net.node("Relu", y), 0.05, 3)
    pipeline.optimise(load(saved(raw(net, y), tmp_path)))


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "ü/é:名", "n" * 10_000, "../up", "%s{}"])
def test_names_of_any_letters(name: str, tmp_path: Path) -> None:
    model = network()
    old = with_sigmoid(model).output[0]
    for n in model.graph.node:
        n.name = name
        n.input[:] = [f"{name}!" if value == old else value for value in n.input]
        n.output[:] = [f"{name}!" if value == old else value for value in n.output]
    path = saved(model, tmp_path)
    try:
        pipeline.optimise(load(path))
    except CompileError as error:
        assert path.name in str(error)


def test_a_record_is_kept_as_it_is(tmp_path: Path) -> None:
    """The opposite of all this: what is right stays."""
    model = network()
    model.metadata_props.add(key=RECORD_KEY, value='{"task": "none"}')
    assert json.loads(load(saved(model, tmp_path)).record) == {"task": "none"}
