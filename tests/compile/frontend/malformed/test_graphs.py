"""Graphs that no one should have written: one CompileError each, with file and remedy."""

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
from ..meaning.judge import GUILTY, saved
from .files import raw, refused

Damage = Callable[[onnx.ModelProto], None]


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
