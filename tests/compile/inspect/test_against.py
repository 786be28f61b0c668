"""The comparison of an imported network with what its file means to onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.inspect.against import Comparison, against
from pocketvision.compile.pipeline import compile_model

from ..build_onnx import Qdq


@pytest.fixture
def file(tmp_path: Path) -> Path:
    net = Qdq((6, 5, 5))
    y = net.quantised(net.conv(net.x, 4, 6, name="first"))
    return net.save(tmp_path, net.quantised(net.node("Sigmoid", y), 1 / 256, -128))


def test_an_imported_file_agrees(file: Path) -> None:
    found = against(file, 2)
    assert found.agrees and "within one step, for 2 vectors" in str(found)
    assert found.to_dict()["agrees"] and len(found.rows) == 3  # two operators and the output


def test_a_difference_names_the_operator(file: Path) -> None:
    """The graph of one file beside another, whose first weights are other ones."""
    graph = load(file)
    model = onnx.load(file)
    for constant in model.graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype == np.int8 and values.ndim == 4:
            constant.CopyFrom(onnx.numpy_helper.from_array(-values, constant.name))
    onnx.save(model, file)
    found = Comparison(tuple(oracle.compare(file, graph, 2)), 2)
    assert not found.agrees and "(Conv) is up to" in str(found)
    with pytest.raises(CompileError, match=r"small\.int8\.onnx: node .* \(Conv\): .* steps"):
        oracle.check(file, graph)


def test_compile_compares_at_its_end(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(oracle, "check", lambda *given, **more: seen.append(given[0]))
    compile_model(file, "x86-64-portable", tmp_path / "out")
    compile_model(file, "x86-64-portable", tmp_path / "out", compare=False)
    assert seen == [file]


def test_a_count_that_compares_nothing(file: Path) -> None:
    with pytest.raises(CompileError, match="count: expected at least 1, got 0"):
        against(file, 0)
