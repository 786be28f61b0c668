"""Files that are written without any check, and the one error that they are to give."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from ..meaning.judge import saved


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
