"""Running any network: stored and real values, one array or several, batches, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pocketvision
from pocketvision import InputError, Model, ModelFileError
from pocketvision.runtime import shipped
from pocketvision.runtime.tensors import dequantised, quantised

Array = np.ndarray[Any, Any]

LEFT = np.array([[1, -2, 3], [4, 5, -6]], np.int8)
RIGHT = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)


@pytest.fixture
def several(make_model: Any) -> Model:
    """Two inputs (2, 3), int8 and uint8, to a copy, a reversal and a sum; it has no record."""
    return Model(make_model(SEVERAL=1, ARENA_BYTES=0, RUN="run_several", RECORD="{}"))


def test_the_public_name() -> None:
    assert pocketvision.Model is Model


def test_several_inputs_and_outputs(several: Model) -> None:
    assert [tensor.name for tensor in several.inputs] == ["left", "right"]
    assert [tensor.shape for tensor in several.outputs] == [(2, 3), (6,), (1,)]
    for data in ({"right": RIGHT, "left": LEFT}, [LEFT, RIGHT], (LEFT, RIGHT)):
        found = several.run(data)
        assert isinstance(found, dict) and list(found) == ["copy", "turned", "sum"]
        np.testing.assert_array_equal(found["copy"], LEFT)
        np.testing.assert_array_equal(found["turned"], RIGHT.ravel()[::-1])
        assert found["sum"].tolist() == [11] and found["turned"].dtype == np.uint8


def test_real_values(several: Model) -> None:
    left, right = several.inputs
    data = {"left": dequantised(left, LEFT), "right": dequantised(right, RIGHT)}
    found = several.run(data)
    assert isinstance(found, dict)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found["copy"], 0.5 * (LEFT + 1.0))
    np.testing.assert_array_equal(found["turned"], 0.25 * (RIGHT.ravel()[::-1] - 128.0))
    assert found["sum"].tolist() == [22.0]
    stored = several.run(data, dequantise=False)
    assert isinstance(stored, dict) and stored["sum"].tolist() == [11]
    mixed = several.run({"left": LEFT, "right": data["right"].astype(np.float64)})
    assert isinstance(mixed, dict) and mixed["sum"].tolist() == [22.0]
    real = several.run([LEFT, RIGHT], dequantise=True)
    assert isinstance(real, dict) and real["sum"].tolist() == [22.0]


def test_real_values_that_lie_transposed_in_memory(several: Model) -> None:
    """As a picture does that was turned from channels first."""
    found = several.run(
        [
            np.asfortranarray(dequantised(t, v))
            for t, v in zip(several.inputs, (LEFT, RIGHT), strict=True)
        ],
        dequantise=False,
    )
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["copy"], LEFT)


def test_batches(several: Model) -> None:
    lefts = np.stack([LEFT, LEFT[::-1], -LEFT])
    rights = np.stack([RIGHT, RIGHT[:, ::-1], RIGHT])
    found = several.run([lefts, rights])
    assert isinstance(found, dict)
    assert {name: array.shape for name, array in found.items()} == {
        "copy": (3, 2, 3), "turned": (3, 6), "sum": (3, 1),
    }  # fmt: skip
    for i in range(3):
        one = several.run([lefts[i], rights[i]])
        assert isinstance(one, dict)
        for name, array in one.items():
            np.testing.assert_array_equal(found[name][i], array)


def test_one_output_is_an_array(model_file: Path) -> None:
    model = Model(model_file)
    data = np.random.default_rng(5).integers(-128, 128, (4, 112, 112, 3), dtype=np.int8)
    result = model.run(data)
    assert isinstance(result, np.ndarray) and result.shape == (4, 1, 1, 128)
    np.testing.assert_array_equal(model.run({"input": data[2]}), result[2])
    np.testing.assert_array_equal(model.run([data[2]]), result[2])
    real = model.run(data[2] / np.float32(128))
    assert isinstance(real, np.ndarray) and real.dtype == np.float32
    np.testing.assert_array_equal(real, result[2] / np.float32(128))


ZEROS = np.zeros((2, 3), np.int8)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"left": LEFT}, "^input 'right': missing; the model has 'left', 'right'"),
        ({"left": LEFT, "right": RIGHT, "x": LEFT}, "^input 'x': no such input; the model has"),
        ({"left": LEFT, 3: RIGHT}, "^input 3: no such input"),
        ([LEFT], "^inputs: expected 2 arrays, for 'left', 'right', got a list of 1"),
        (LEFT, "^inputs: expected a dict or a list of 2 arrays, .* got ndarray"),
        ([LEFT, LEFT], r"^input 'right': expected uint8 or floats of shape \(2, 3\) .* got int8"),
        ([LEFT.T, RIGHT], r"^input 'left': .* got int8 of shape \(3, 2\)"),
        ([LEFT, RIGHT[None]], "^input 'right': expected no axis .* 'left' has, got a batch of 1"),
        ([LEFT[None], RIGHT[[0, 1, 0, 1]].reshape(2, 2, 3)], "'right': expected a batch of 1, as"),
        ([LEFT[None][:0], RIGHT], "^input 'left': expected a batch of 1 or more, got none"),
        ([LEFT, np.where(RIGHT > 50, np.nan, 0)], "^input 'right': contains NaN or infinity"),
        ([np.full((2, 3), np.inf, np.float16), RIGHT], "^input 'left': contains NaN or infinity"),
        ([LEFT, RIGHT.astype(np.longdouble)], "^input 'right': .* got float128"),
        ([LEFT, None], "^input 'right': .* got NoneType"),
    ],
)
def test_refusals_name_the_input(several: Model, data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        several.run(data)
    with pytest.raises(InputError, match="^dequantise: expected True, False or None, got 1"):
        several.run([LEFT, RIGHT], dequantise=1)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
    which=st.integers(0, 1), kind=st.sampled_from(["<f4", ">f4", "<f8", ">f8", "<f2"]),
)  # fmt: skip
def test_rounding_is_that_of_onnx(several_tensors: Any, values: Any, which: int, kind: str) -> None:
    """Halves to even, saturated, also far outside, of any float type and byte order."""
    tensor = several_tensors[which]
    with np.errstate(over="ignore"):
        array = np.array(values).astype(kind)
    array = np.nan_to_num(array).reshape(2, 3)
    info = np.iinfo(tensor.dtype)
    exact = np.clip(array.astype(np.float64), -1e9, 1e9).astype(np.float32) / tensor.scale
    wanted = np.clip(np.rint(exact) + tensor.zero_point, info.min, info.max)
    np.testing.assert_array_equal(quantised(tensor, array), wanted)


@pytest.fixture(scope="module")
def several_tensors(make_model: Any) -> Any:
    return Model(make_model(SEVERAL=1, ARENA_BYTES=0, RUN="run_several", RECORD="{}")).inputs


@pytest.fixture
def floats(make_model: Any) -> Model:
    """float32 (2, 3) to its double and to int8."""
    return Model(make_model(REAL=1, ARENA_BYTES=0, RUN="run_real", RECORD="{}"))


def test_floats_in_and_out(floats: Model) -> None:
    """They go as they are, of any type of floats; int8 beside them is still dequantised."""
    assert [tensor.dtype for tensor in (*floats.inputs, *floats.outputs)] == [
        "float32", "float32", "int8",
    ]  # fmt: skip
    real = np.array([[0.5, -2.25, 3], [1e-30, -0.0, 100]], np.float32)
    for kind in (np.float32, np.float64, ">f4"):
        found = floats.run(real.astype(kind))
        assert isinstance(found, dict)
        assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
        np.testing.assert_array_equal(found["twice"], 2 * real)
        np.testing.assert_array_equal(found["whole"], 0.5 * (np.trunc(real).ravel() + 1))
    stored = floats.run({"real": np.stack([real, -real])}, dequantise=False)
    assert isinstance(stored, dict) and stored["whole"].dtype == np.int8
    np.testing.assert_array_equal(stored["twice"], np.stack([2 * real, -2 * real]))
    assert stored["whole"][0].tolist() == [0, -2, 3, 0, 0, 100]


def test_floats_that_are_none(floats: Model, capsys: Any) -> None:
    with pytest.raises(
        InputError, match=r"^input 'real': expected floats of shape \(2, 3\) .* int8"
    ):
        floats.run(LEFT)
    with pytest.raises(InputError, match="^input 'real': contains NaN or infinity"):
        floats.run(np.full((2, 3), np.nan, np.float32))
    from pocketvision.cli import main

    assert main(["info", floats.path]) == 0
    assert "real: float32 2x3\n" in capsys.readouterr().out


def test_arrays_that_lie_badly(several: Model) -> None:
    """Views that step backwards, lie between bytes or must not be written to give right results."""
    floats = np.zeros(6 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(2, 3)
    floats[:] = dequantised(several.inputs[0], LEFT)
    frozen = RIGHT.copy()
    frozen.setflags(write=False)
    assert not floats.flags.aligned
    found = several.run([floats, frozen], dequantise=False)
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["copy"], LEFT)
    found = several.run([LEFT[::-1, ::-1], RIGHT[:, ::-1]])
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["copy"], LEFT[::-1, ::-1])
    np.testing.assert_array_equal(found["turned"], RIGHT[:, ::-1].ravel()[::-1])


def test_a_network_without_a_record(several: Model) -> None:
    assert several.record is None
    with pytest.raises(ModelFileError, match=r"has no record, .* Run it with pocketvision\.Model"):
        pocketvision.Embedder(several.path)
    with pytest.raises(ModelFileError, match="has no record"):
        pocketvision.verify(np.ones(4), np.ones(4), model=several.path)


def test_info_of_a_network_without_a_record(several: Model, capsys: Any) -> None:
    from pocketvision.cli import main

    assert main(["info", several.path]) == 0
    assert "no record" in capsys.readouterr().out


@pytest.mark.skipif(not shipped.shipped(), reason="this installation was built without models")
def test_a_shipped_name() -> None:
    model = Model("PocketNet_S_128")
    assert model.record is not None and model.record.name == "pocketnet-s-128"
    assert Model(model.path).target == model.target
    with pytest.raises(InputError, match="target: pocketnet-s-128 is not installed for cray"):
        Model("pocketnet-s-128", target="cray")
    with pytest.raises(InputError, match="^model: expected the name of a shipped model"):
        Model(None)  # type: ignore[arg-type]
