"""``pocketvision quantize``: from its arguments to a file, or one line of error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from pocketvision.cli import main
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.record import METADATA_KEY, Record

from .tiny import draws, network

node = helper.make_node


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An embedder of BGR pictures of any size."""
    nodes = [
        node("Conv", ["x", "w"], ["h"]),
        node("GlobalAveragePool", ["h"], ["p"]),
        node("Flatten", ["p"], ["y"]),
    ]
    weights = {"w": draws(1, 4, 3, 3, 3)}
    path = tmp_path / "My Net.onnx"
    onnx.save(network(nodes, {"x": ["n", 3, "h", "w"]}, {"y": None}, weights), path)
    return path


def error_of(capsys: Any, *arguments: object) -> str:
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else 1
    captured = capsys.readouterr()
    assert code == 2 and captured.out == "" and captured.err.count("\n") == 1
    return str(captured.err)


def test_pictures_with_all_that_is_said_of_them(model: Path, tmp_path: Path, capsys: Any) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "net.int8.onnx"
    folder.mkdir()
    for place in range(40):
        pixels = np.random.default_rng(place).integers(0, 256, (12, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    said = ["--colour", "BGR", "--mean", "127.5", "--std", "60,61,62", "--size", "12x16"]
    face = ["--task", "face-embedding", "--template", "arcface"]
    line = [
        "quantize",
        model,
        "--images",
        folder,
        "--out",
        out,
        "--count",
        8,
        *said,
        *face,
        "--json",
    ]
    assert main([str(part) for part in line]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["file"] == str(out) and found["cosines"]["y"] > 0.99
    assert f"y: {found['cosines']['y']:.5f}" in captured.err
    (text,) = [e.value for e in onnx.load(out).metadata_props if e.key == METADATA_KEY]
    record = Record.from_json(text)
    assert record.name == "my-net" and record.preprocess["colour"] == "BGR"
    assert record.preprocess["size"] == [12, 16]
    assert record.preprocess["template"] == [list(point) for point in ARCFACE_TEMPLATE]


def test_arrays_and_functions(
    model: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "net.int8.onnx"
    np.save(tmp_path / "d.npy", draws(2, 40, 3, 8, 8))
    (tmp_path / "given_here.py").write_text(
        "import numpy\ndef rows():\n"
        "    for array in numpy.load('d.npy'):\n        yield {'x': array[None]}\n"
    )
    monkeypatch.chdir(tmp_path)
    for data in ("d.npy", "given_here:rows"):
        assert (
            main(["quantize", str(model), "--data", data, "--out", str(out), "--count", "8"]) == 0
        )
        assert capsys.readouterr().out == f"{out}\n"


def test_what_is_wrong_is_one_line(model: Path, tmp_path: Path, capsys: Any) -> None:
    out = ["--out", tmp_path / "o.onnx"]
    assert "one of the arguments --images --data is required" in error_of(
        capsys, "quantize", model, *out
    )
    for option, value in (("--mean", "a"), ("--size", "12x"), ("--template", "1,2")):
        line = ("quantize", model, "--images", tmp_path, *out, option, value)
        assert f"argument {option}: '{value}': expected" in error_of(capsys, *line)
    message = error_of(capsys, "quantize", model, "--images", tmp_path, *out)
    assert "give the height and width that the int8 network shall have as size" in message
    message = error_of(capsys, "quantize", model, "--data", "no.such:thing", *out)
    assert "no.such:thing: no such function to import" in message
