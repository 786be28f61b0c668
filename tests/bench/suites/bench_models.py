"""pytest-benchmark: models of one's own, or the shipped ones, each from stored values to stored.

    python -m pytest tests/bench/suites --benchmark-only --model FILE

FILE is a compiled model, or an int8 ONNX file: that is compiled for this machine first, and timed
beside onnxruntime on the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pocketvision.bench.measure import pinned
from pocketvision.runtime.model import Model

from ..peers.candidate import Example
from ..peers.runtimes import peer_onnxruntime


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


@pytest.fixture(scope="module")
def model(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The model of ``given``, compiled where it is an ONNX file."""
    if given.suffix != ".onnx":
        return Model(given)
    from pocketvision.compile import compile_file

    return Model(compile_file(given, "host", Path(tmp_path_factory.mktemp("compiled")))[0])


def test_pocketvision(benchmark, given: Path, model: Model) -> None:
    benchmark.group = given.name
    benchmark.extra_info["target"] = model.target
    (source,), (result,) = model.inputs, model.outputs
    values = np.zeros(source.shape, source.dtype)
    assert benchmark(model.run, values).shape == result.shape


def test_onnxruntime_int8(benchmark, given: Path) -> None:
    if given.suffix != ".onnx":
        pytest.skip("a compiled model; name the int8 ONNX file to see onnxruntime beside it")
    onnxruntime = pytest.importorskip("onnxruntime")
    benchmark.group = given.name
    shape = onnxruntime.InferenceSession(given).get_inputs()[0].shape
    shape = [side if isinstance(side, int) else 1 for side in shape]
    face = Example(np.zeros((1, 1, 3), np.uint8), np.zeros(shape, np.float32))
    bound = peer_onnxruntime.load(given)(face)
    benchmark(bound.run)
    assert bound.read().ndim == 1
