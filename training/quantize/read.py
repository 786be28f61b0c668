"""A float ONNX file as people export it, to a static, normalised network to fold and quantise."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnx import TensorProto

from pocketvision.compile.frontend.normalise import normalise

from .feed import Input
from .fold import fold_norms
from .graph import attributes, shapes

Shapes = dict[str, tuple[int, ...]]

FIRST_OPSET = 7
"""The oldest that onnxruntime runs."""


@dataclass(frozen=True)
class Floating:
    """A user's float file: ``own`` as it is, ``model`` what it means at a batch of 1."""

    path: Path
    own: onnx.ModelProto
    model: onnx.ModelProto
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[int, ...], ...]


def open_float(path: Path) -> onnx.ModelProto:
    """The float network of ``path``; ValueError for other files and already quantised ones."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a float ONNX network")
    try:
        model = onnx.load(path)
        # Some exporters leave the outputs' shapes out; they are inferred in any case.
        for value in model.graph.output:
            value.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx raise unrelated classes
        raise ValueError(f"{path}: expected a float ONNX network, got: {error}") from None
    if any("QuantizeLinear" in node.op_type for node in model.graph.node):
        raise ValueError(f"{path}: is quantised already; give the float network it was made from")
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < FIRST_OPSET:
        raise ValueError(
            f"{path}: is of opset {opset}, expected {FIRST_OPSET} or later; export it anew"
        )
    if not inputs_of(model):
        raise ValueError(f"{path}: has no input, so there is nothing to quantise")
    for value in inputs_of(model):
        kind = value.type.tensor_type.elem_type
        if kind != TensorProto.FLOAT:
            raise ValueError(
                f"{path}: input {value.name!r} is {TensorProto.DataType.Name(kind).lower()}, "
                "expected float32; export the network in float32, without a Cast at its start"
            )
    return model


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are fed; older files list their weights among the inputs too."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in held]


def read(
    path: Path, own: onnx.ModelProto, size: tuple[int, int] | None, samples: Shapes
) -> Floating:
    """``own`` with static shapes and a batch of 1, normalised.

    Args:
        size: height and width of maps whose own are free.
        samples: shape of one sample by input, where free axes take theirs.

    Raises:
        ValueError: an axis stays free, or the file cannot be normalised.
    """
    model = onnx.ModelProto()
    model.CopyFrom(own)
    fed = inputs_of(model)
    inputs = tuple(_fixed(path, model, value, size, samples.get(value.name, ())) for value in fed)
    del model.graph.input[:]
    model.graph.input.extend(fed)
    # Initialisers that are no inputs came with this version.
    model.ir_version = max(model.ir_version, 4)
    del model.graph.value_info[:]
    _infer_outputs(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, path.name)
        onnx.save(fold_norms(model), file)
        normal = normalise(file)[0]
    found = shapes(normal)
    # A fixed batch is 1 by now, where the network does not mix its pictures.
    inputs = tuple(replace(into, shape=found.get(into.name, into.shape)) for into in inputs)
    outputs = tuple(found.get(value.name, ()) for value in normal.graph.output)
    return Floating(path, own, normal, inputs, outputs)


def _fixed(
    path: Path,
    model: onnx.ModelProto,
    value: onnx.ValueInfoProto,
    size: tuple[int, int] | None,
    sample: tuple[int, ...],
) -> Input:
    """Gives an input's free axes their sizes."""
    kind = value.type.tensor_type
    if not kind.HasField("shape") or not kind.shape.dim:
        raise ValueError(f"{path}: input {value.name!r} has no shape; export the network with one")
    sizes = [dim.dim_value for dim in kind.shape.dim]
    last = _channels_last(model, value.name, sizes)
    # A batch is left as it is where it is fixed; what reads the file says if it can.
    sizes[0] = sizes[0] or 1
    at = (1, 2) if last else (2, 3)
    if len(sizes) == 4:
        picture = sample if len(sample) == 2 else None
        for axis, given in zip(at, size or picture or (0, 0), strict=True):
            if size is not None and sizes[axis] not in (0, given):
                raise ValueError(
                    f"{path}: input {value.name!r} is {sizes[at[0]]}x{sizes[at[1]]}, not "
                    f"{size[0]}x{size[1]}; a size is for networks whose own is free"
                )
            sizes[axis] = sizes[axis] or given
    whole = sample if len(sample) == len(sizes) else (1, *sample)
    if len(whole) == len(sizes):
        sizes = [own or given for own, given in zip(sizes, whole, strict=True)]
    if not all(size > 0 for size in sizes):
        shown = ", ".join(str(size or "?") for size in sizes)
        raise ValueError(
            f"{path}: input {value.name!r} has the shape ({shown}); give the height and width that "
            "the int8 network shall have as size, or arrays of the whole shape"
        )
    for dim, known in zip(kind.shape.dim, sizes, strict=True):
        dim.dim_value = known
    return Input(value.name, tuple(sizes), last)


def _channels_last(model: onnx.ModelProto, name: str, sizes: list[int]) -> bool:
    """Whether an input of four axes has its channels last: they are 1 or 3, and axis 1 is not.

    Where both could be, a Transpose as its first reader says that they are last.
    """
    if len(sizes) != 4 or sizes[3] not in (1, 3):
        return False
    if sizes[1] not in (1, 3):
        return True
    readers = [node for node in model.graph.node if name in node.input]
    return bool(readers) and all(
        node.op_type == "Transpose" and list(attributes(node).get("perm", ())) == [0, 3, 1, 2]
        for node in readers
    )


def _infer_outputs(model: onnx.ModelProto) -> None:
    """States the outputs' shapes anew: those of the file hold its free axes, or are missing."""
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    found = shapes(model)
    for value in model.graph.output:
        shape = value.type.tensor_type.shape
        shape.SetInParent()
        for size in found.get(value.name, ()):
            shape.dim.add().dim_value = size
