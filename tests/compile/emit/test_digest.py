"""The digest at the end of a compiled model, and a network of several ends run from Python."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import xxhash

from pocketvision import Model
from pocketvision.compile import compile_file
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.emit.digest import seal
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.runtime.shipped import host_targets

from ..test_ends import file_of_two_inputs


def test_what_is_appended(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5
    (tmp_path / "x").write_bytes(content)
    seal(tmp_path / "x")
    sealed = (tmp_path / "x").read_bytes()
    assert sealed[:-32] == content
    magic, length, digest, zero = struct.unpack("<8sQQQ", sealed[-32:])
    assert (magic, length, zero) == (b"PVDIGEST", len(content), 0)
    assert digest == xxhash.xxh64_intdigest(content)


@pytest.fixture(scope="module")
def two_to_three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Path]:
    """A network of two inputs and three outputs as a graph, and compiled for this machine."""
    folder = tmp_path_factory.mktemp("ends")
    file = file_of_two_inputs(folder)
    (made,) = compile_file(file, host_targets()[0], folder)
    return load(file), made


def test_several_ends_from_an_onnx_file_to_python(two_to_three: tuple[Graph, Path]) -> None:
    graph, made = two_to_three
    model = Model(made)
    assert model.record is None and len(model.inputs) == 2 and len(model.outputs) == 3
    random = np.random.default_rng(4)
    data = {
        tensor.name: random.integers(-128, 128, (3, *tensor.shape), dtype=np.int8)
        for tensor in model.inputs
    }
    found = model.run(data)
    assert isinstance(found, dict)
    wanted = reference.run_all(graph, [data[tensor.name] for tensor in model.inputs])
    for name, tensor in zip(graph.outputs, model.outputs, strict=True):
        assert found[tensor.name].shape == (3, *tensor.shape)
        np.testing.assert_array_equal(found[tensor.name].ravel(), wanted[name].ravel())
    real = {
        tensor.name: (data[tensor.name].astype(np.float32) - tensor.zero_point) * tensor.scale
        for tensor in model.inputs
    }
    again = model.run(real, dequantise=False)
    assert isinstance(again, dict)
    for name, array in found.items():
        np.testing.assert_array_equal(again[name], array)
