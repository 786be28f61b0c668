"""Changes a valid model at random, as damage and careless tools do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

INTEGERS = (0, 1, -1, 2, 3, 7, 255, 2**31 - 1, -(2**31), 2**62, -(2**63))
REALS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-12, 1e30, float("inf"), float("-inf"), float("nan"))
TYPES = (TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32,
         TensorProto.INT64, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BOOL,
         TensorProto.INT4, TensorProto.UNDEFINED)  # fmt: skip
KINDS = (
    "Relu",
    "Conv",
    "Add",
    "Mul",
    "MaxPool",
    "AveragePool",
    "Flatten",
    "Reshape",
    "Transpose",
    "Concat",
    "Sigmoid",
    "Clip",
    "Gemm",
    "MatMul",
    "Softmax",
    "Slice",
    "Pad",
    "Identity",
    "QuantizeLinear",
    "DequantizeLinear",
    "PRelu",
    "Split",
    "ReduceMean",
    "Nothing",
    "",
)
Random = np.random.Generator


def mutated(model: onnx.ModelProto, random: Random) -> bytes:
    """A serialised copy with a change, or up to three; sometimes with flipped bytes as well."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(random.choice([1, 1, 1, 1, 2, 3])):
        change = CHANGES[random.integers(len(CHANGES))]
        if copy.graph.node:
            change(copy, random)
    content = bytearray(copy.SerializeToString())
    if random.random() < 0.05:
        for _ in range(random.integers(1, 6)):
            content[random.integers(len(content))] = random.integers(256)
    return bytes(content)


def _node(model: onnx.ModelProto, random: Random) -> onnx.NodeProto:
    return model.graph.node[random.integers(len(model.graph.node))]


def _value(model: onnx.ModelProto, random: Random) -> str:
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    return str(names[random.integers(len(names))]) if names else "nobody"


def _delete_node(model: onnx.ModelProto, random: Random) -> None:
    del model.graph.node[random.integers(len(model.graph.node))]


def _repeat_node(model: onnx.ModelProto, random: Random) -> None:
    model.graph.node.append(_node(model, random))


def _swap_nodes(model: onnx.ModelProto, random: Random) -> None:
    first, second = _node(model, random), _node(model, random)
    kept = onnx.NodeProto()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)


def _retarget(model: onnx.ModelProto, random: Random) -> None:
    node = _node(model, random)
    if node.input:
        node.input[random.integers(len(node.input))] = _value(model, random)


def _drop_input(model: onnx.ModelProto, random: Random) -> None:
    node = _node(model, random)
    if node.input:
        del node.input[random.integers(len(node.input))]


def _empty_input(model: onnx.ModelProto, random: Random) -> None:
    node = _node(model, random)
    if node.input:
        node.input[random.integers(len(node.input))] = ""


def _add_input(model: onnx.ModelProto, random: Random) -> None:
    _node(model, random).input.append(_value(model, random))


def _rename_output(model: onnx.ModelProto, random: Random) -> None:
    node = _node(model, random)
    if node.output:
        node.output[random.integers(len(node.output))] = _value(model, random)


def _change_kind(model: onnx.ModelProto, random: Random) -> None:
    _node(model, random).op_type = str(random.choice(KINDS))


def _change_domain(model: onnx.ModelProto, random: Random) -> None:
    _node(model, random).domain = str(random.choice(["com.microsoft", "of.nobody", "ai.onnx"]))


def _change_attribute(model: onnx.ModelProto, random: Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    node = nodes[random.integers(len(nodes))]
    attribute = node.attribute[random.integers(len(node.attribute))]
    integer = int(INTEGERS[random.integers(len(INTEGERS))])
    if random.random() < 0.2:
        node.attribute.remove(attribute)
    elif attribute.type == AttributeProto.INT:
        attribute.i = integer
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = float(REALS[random.integers(len(REALS))])
    elif attribute.type == AttributeProto.STRING:
        attribute.s = random.choice([b"", b"SAME_UPPER", b"linear", b"\xff\xfe", b"reflect"])
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        if random.random() < 0.3:
            del attribute.ints[random.integers(len(attribute.ints))]
        else:
            attribute.ints[random.integers(len(attribute.ints))] = integer


def _new_attribute(model: onnx.ModelProto, random: Random) -> None:
    name = str(random.choice(["axis", "pads", "strides", "group", "perm", "keepdims", "auto_pad",
                              "ceil_mode", "alpha", "block_size", "output_dtype"]))  # fmt: skip
    integer = int(INTEGERS[random.integers(len(INTEGERS))])
    value = [integer, [integer, 1], [1, integer, 1, 1], 0.5, "VALID"][random.integers(5)]
    _node(model, random).attribute.append(helper.make_attribute(name, value))


def _constant(model: onnx.ModelProto, random: Random) -> onnx.TensorProto | None:
    constants = model.graph.initializer
    return constants[random.integers(len(constants))] if constants else None


def _change_values(model: onnx.ModelProto, random: Random) -> None:
    constant = _constant(model, random)
    if constant is None:
        return
    try:
        values = numpy_helper.to_array(constant).copy()
    except (TypeError, ValueError):
        return  # an earlier change has damaged it
    if not values.size:
        return
    flat = values.reshape(-1)
    where = slice(None) if random.random() < 0.5 else int(random.integers(flat.size))
    if values.dtype.kind == "f":
        flat[where] = REALS[random.integers(len(REALS))]
    elif values.dtype.kind in "iu":
        limits = np.iinfo(values.dtype)
        integer = int(INTEGERS[random.integers(len(INTEGERS))])
        flat[where] = min(max(integer, limits.min), limits.max)
    constant.CopyFrom(numpy_helper.from_array(flat.reshape(values.shape), constant.name))


def _change_dimensions(model: onnx.ModelProto, random: Random) -> None:
    constant = _constant(model, random)
    if constant is None:
        return
    draw = random.random()
    if draw < 0.3:
        constant.dims.append(int(random.choice([0, 1, 2])))
    elif draw < 0.6 and constant.dims:
        constant.dims[:] = constant.dims[::-1]
    elif constant.dims:
        at = random.integers(len(constant.dims))
        constant.dims[at] = int(random.choice([0, 1, -1, 5, 2**40]))


def _change_type(model: onnx.ModelProto, random: Random) -> None:
    constant = _constant(model, random)
    if constant is not None:
        constant.data_type = int(random.choice(TYPES))


def _truncate(model: onnx.ModelProto, random: Random) -> None:
    constant = _constant(model, random)
    if constant is not None:
        constant.raw_data = constant.raw_data[: random.integers(len(constant.raw_data) + 1)]


def _delete_constant(model: onnx.ModelProto, random: Random) -> None:
    if model.graph.initializer:
        del model.graph.initializer[random.integers(len(model.graph.initializer))]


def _change_end(model: onnx.ModelProto, random: Random) -> None:
    ends = [*model.graph.input, *model.graph.output]
    end = ends[random.integers(len(ends))] if ends else None
    if end is None:
        return
    sizes = end.type.tensor_type.shape.dim
    draw = random.random()
    if draw < 0.2:
        end.type.tensor_type.elem_type = int(random.choice(TYPES))
    elif draw < 0.3:
        end.type.tensor_type.ClearField("shape")
    elif draw < 0.4:
        end.name = _value(model, random)
    elif draw < 0.5:
        sizes.add().dim_value = 1
    elif sizes:
        size = sizes[random.integers(len(sizes))]
        if draw < 0.6:
            size.dim_param = "n"
        else:
            size.dim_value = int(random.choice([0, 1, 2, -1, 5, 2**31, 2**62]))


def _state_shape(model: onnx.ModelProto, random: Random) -> None:
    shape = [int(n) for n in random.integers(0, 9, random.integers(0, 6))]
    kind = int(random.choice(TYPES))
    info = helper.make_tensor_value_info(_value(model, random), kind, shape)
    model.graph.value_info.append(info)


def _delete_end(model: onnx.ModelProto, random: Random) -> None:
    ends = model.graph.input if random.random() < 0.5 else model.graph.output
    if ends:
        del ends[random.integers(len(ends))]


def _add_output(model: onnx.ModelProto, random: Random) -> None:
    name = _value(model, random)
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def _change_opset(model: onnx.ModelProto, random: Random) -> None:
    if model.opset_import:
        model.opset_import[0].version = int(random.choice([0, 6, 9, 10, 12, 14, 21, 23, 99]))


CHANGES: tuple[Callable[[onnx.ModelProto, Random], None], ...] = (
    _delete_node, _repeat_node, _swap_nodes, _retarget, _retarget, _drop_input, _empty_input,
    _add_input, _rename_output, _change_kind, _change_kind, _change_domain, _change_attribute,
    _change_attribute, _change_attribute, _new_attribute, _change_values, _change_values,
    _change_values, _change_dimensions, _change_type, _truncate, _delete_constant, _change_end,
    _change_end, _state_shape, _delete_end, _add_output, _change_opset,
)  # fmt: skip
"""What is likelier stands more than once."""
