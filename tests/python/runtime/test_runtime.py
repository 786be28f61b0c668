"""The raw interface: results, shapes, refusals, and many threads on one model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import InputError, ModelFileError, RunError
from pocketvision.runtime.model import Model


def expected_sums(data: np.ndarray[Any, Any], outputs: int = 128) -> np.ndarray[Any, Any]:
    """What the fixture model computes, in numpy: C division truncates towards zero."""
    sums = data.astype(np.int64).reshape(-1, outputs).sum(axis=0)
    info = np.iinfo(data.dtype)
    return np.clip(np.trunc(sums / 128), info.min, info.max).astype(data.dtype)


def test_properties(model_file: Path) -> None:
    model = Model(model_file)
    assert model.target == "test" and model.arena_bytes == 512
    assert len(model.source_sha256) == 64
    (source,), (result,) = model.inputs, model.outputs
    assert source.name == "input" and source.shape == (112, 112, 3)
    assert source.dtype == "int8" and source.scale == 1 / 128
    assert result.shape == (1, 1, 128) and result.zero_point == 0
    assert repr(source).startswith("Tensor(name='input', dtype='int8', shape=(112, 112, 3), scale=")
    assert model.record is not None and model.record.full_name == "fixture.sums.v1"


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_run(make_model: Any, dtype: type) -> None:
    model = Model(make_model(DTYPE=1 if dtype is np.int8 else 2))
    info = np.iinfo(dtype)
    random = np.random.default_rng(3)
    data = random.integers(info.min, info.max + 1, (112, 112, 3), dtype=dtype)
    result = model.run(data)
    assert result.dtype == dtype and result.shape == (1, 1, 128)
    np.testing.assert_array_equal(result[0, 0], expected_sums(data))
    np.testing.assert_array_equal(model.run(data[:, ::-1])[0, 0], expected_sums(data[:, ::-1]))


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((112, 112, 3), np.uint8),
        np.zeros((112, 112, 3), np.int16),
        np.zeros((112, 112, 3), bool),
        np.zeros((112, 112, 3), object),
        np.zeros((112, 112, 3), np.complex64),
        np.zeros((112, 111, 3), np.int8),
        np.zeros((1, 1, 112, 112, 3), np.int8),
        np.zeros((0,), np.int8),
        np.int8(3),
        None,
        "input",
        memoryview(bytes(37632)),
    ],
)
def test_run_refuses_other_types_and_shapes(model_file: Path, data: Any) -> None:
    with pytest.raises(
        InputError, match=r"input 'input': expected int8 or floats of shape \(112, 1"
    ):
        Model(model_file).run(data)


def test_run_refuses_a_list(model_file: Path) -> None:
    with pytest.raises(InputError, match="expected 1 arrays, for 'input', got a list of 3"):
        Model(model_file).run([1, 2, 3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="input 'input': .* got int"):
        Model(model_file).run([1])  # type: ignore[list-item]


def test_failure_of_the_model(make_model: Any) -> None:
    with pytest.raises(RunError, match="reported a failure"):
        Model(make_model(RESULT=7)).run(np.zeros((112, 112, 3), np.int8))


def test_zero_arena_is_allowed(make_model: Any) -> None:
    model = Model(make_model(ARENA_BYTES=0, RUN="run_zeros"))
    assert model.run(np.ones((112, 112, 3), np.int8)).max() == 0


def test_a_result_outlives_its_model(model_file: Path) -> None:
    data = np.full((112, 112, 3), 3, np.int8)
    (tensor,) = Model(model_file).outputs
    result = Model(model_file).run(data)
    np.testing.assert_array_equal(result[0, 0], expected_sums(data))
    assert tensor.shape == (1, 1, 128)


def test_many_threads_on_one_model(model_file: Path) -> None:
    model = Model(model_file)
    random = np.random.default_rng(11)
    inputs = random.integers(-128, 128, (24, 112, 112, 3), dtype=np.int8)
    wanted = [expected_sums(data) for data in inputs]

    def work(seed: int) -> int:
        order = np.random.default_rng(seed).permutation(np.repeat(np.arange(24), 5))
        return sum(not np.array_equal(model.run(inputs[i])[0, 0], wanted[i]) for i in order)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 0


def test_threads_that_share_one_session_wait_for_each_other(model_file: Path) -> None:
    model = Model(model_file)
    inputs = np.random.default_rng(12).integers(-128, 128, (8, 112, 112, 3), dtype=np.int8)
    wanted = [expected_sums(data) for data in inputs]
    with model.session() as session, ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda i: (i, session.run([inputs[i]])[0]), np.tile(np.arange(8), 20))
        assert all(np.array_equal(result[0, 0], wanted[i]) for i, result in results)


def test_record_that_is_not_json_fails_only_when_it_is_read(make_model: Any) -> None:
    model = Model(make_model(RECORD="not json"))
    assert model.run(np.zeros((112, 112, 3), np.int8)).shape == (1, 1, 128)
    with pytest.raises(ModelFileError, match="expected JSON text"):
        _ = model.record
