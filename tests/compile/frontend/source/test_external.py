"""External data: read from beside the model, part of its hash, and from nowhere else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import constants, model, node

VALUES = {"a": np.arange(6, dtype=np.float32), "b": np.full(6, 2.5, np.float32)}


def stored(folder: Path, **places: str) -> Path:
    """A network whose constants lie in files of their own."""
    made = model([node("Mul", ["x", "a"], ["m"]), node("Add", ["m", "b"], ["y"])], VALUES)
    for tensor in made.graph.initializer:
        place = places.get(tensor.name, f"{tensor.name}.bin")
        if not Path(place).is_absolute():
            (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_bytes(tensor.raw_data)
        onnx.external_data_helper.set_external_data(tensor, place, 0, 24)
        tensor.ClearField("raw_data")
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return folder / "model.onnx"


def test_values_and_hash(tmp_path: Path) -> None:
    path = stored(tmp_path, b="weights/0.bin")
    after, sha256 = normalise(path)
    for name, values in VALUES.items():
        assert np.array_equal(constants(after)[name], values)
    parts = [path, tmp_path / "a.bin", tmp_path / "weights" / "0.bin"]
    assert sha256 == hashlib.sha256(b"".join(p.read_bytes() for p in parts)).hexdigest()


def test_one_file_of_several_tensors(tmp_path: Path) -> None:
    made = model([node("Mul", ["x", "a"], ["m"]), node("Add", ["m", "b"], ["y"])], VALUES)
    path = tmp_path / "model.onnx"
    onnx.save(made, path, save_as_external_data=True, location="all.bin", size_threshold=0)
    after, sha256 = normalise(path)
    for name, values in VALUES.items():
        assert np.array_equal(constants(after)[name], values)
    content = path.read_bytes() + (tmp_path / "all.bin").read_bytes()
    assert sha256 == hashlib.sha256(content).hexdigest()


def refused(path: Path, *words: str) -> None:
    with pytest.raises(CompileError) as caught:
        normalise(path)
    for word in ("model.onnx", "constant", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("how", ["absolute", "up", "up and down", "link"])
def test_files_elsewhere(tmp_path: Path, how: str) -> None:
    inner, secret = tmp_path / "inner", tmp_path / "secret.bin"
    inner.mkdir()
    secret.write_bytes(bytes(24))
    path = stored(inner)
    made = onnx.load(path, load_external_data=False)
    place = {"absolute": str(secret), "up": "../secret.bin", "up and down": "../inner/a.bin",
             "link": "link.bin"}[how]  # fmt: skip
    if how == "link":
        os.symlink(secret, inner / "link.bin")
    made.graph.initializer[0].external_data[0].value = place
    path.write_bytes(made.SerializeToString())
    refused(path, place, "outside the model's folder", "put it beside")


def test_an_absent_file(tmp_path: Path) -> None:
    path = stored(tmp_path)
    (tmp_path / "a.bin").unlink()
    refused(path, "'a.bin'", "'a'", "No such file", "copy it beside the model")


def test_a_short_file(tmp_path: Path) -> None:
    path = stored(tmp_path)
    (tmp_path / "b.bin").write_bytes(bytes(20))
    refused(path, "'b.bin'", "expected bytes 0 to 24, the file has 20")


@pytest.mark.parametrize("name", ["", "a\0b", ".", "a.bin/c"])
def test_names_that_are_no_file(tmp_path: Path, name: str) -> None:
    path = stored(tmp_path)
    made = onnx.load(path, load_external_data=False)
    made.graph.initializer[0].external_data[0].value = name
    path.write_bytes(made.SerializeToString())
    refused(path, "cannot be read")


@pytest.mark.parametrize("key, value", [("offset", "-8"), ("length", "-1"), ("offset", "zero")])
def test_places_that_are_none(tmp_path: Path, key: str, value: str) -> None:
    path = stored(tmp_path)
    made = onnx.load(path, load_external_data=False)
    next(e for e in made.graph.initializer[0].external_data if e.key == key).value = value
    path.write_bytes(made.SerializeToString())
    refused(path, "'a.bin'")
