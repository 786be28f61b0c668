"""Runtimes: networks in child processes, played by a made-up one, and int8 by ncnn's tools."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pocketvision.bench.measure import take_turns

from .peers.candidate import Absent, Example
from .peers.race.contest import Ready
from .peers.runtimes import peer_ncnn
from .peers.runtimes.child import CHILDREN, Child

NETWORK = """
import sys, time
sys.path.insert(0, {children!r})
from serve import serve

def network(tensor):
    def run():
        print("what libraries print is no answer")
        time.sleep({seconds})
    return run, lambda: tensor.reshape(-1)[:4] * 2

serve(network)
"""


def _child(seconds: float = 0.0) -> Child:
    text = NETWORK.format(children=str(CHILDREN), seconds=seconds)
    return Child([sys.executable, "-c", text])


def _example(start: float) -> Example:
    tensor = np.arange(start, start + 3 * 112 * 112, dtype=np.float32)
    return Example(np.zeros((112, 112, 3), np.uint8), tensor.reshape(1, 3, 112, 112))


def test_a_child_embeds_what_it_is_given() -> None:
    child = _child()
    for start, expected in ((0, [0, 2, 4, 6]), (5, [10, 12, 14, 16])):
        bound = child(_example(start))
        bound.run()
        np.testing.assert_array_equal(bound.read(), expected)
    child.close()
    child.close()


def test_children_take_turns_with_others_and_time_themselves() -> None:
    slow, face = _child(0.02), _example(0)
    entrant = Ready(None, slow, face, None)  # type: ignore[arg-type]
    timings = take_turns([entrant.timed(), lambda: 1.5], 3)
    assert 20 <= timings[0].median < 200
    assert timings[1].median == 1.5
    slow.close()


def test_a_child_that_ends_says_why() -> None:
    with pytest.raises(Absent, match="no such runtime"):
        Child([sys.executable, "-c", "raise SystemExit('no such runtime')"])


@pytest.mark.parametrize("name", ["litert", "executorch"])
def test_every_peer_apart_has_its_programs(name: str) -> None:
    assert all(Path(CHILDREN, f"{verb}_{name}.py").is_file() for verb in ("convert", "serve"))


TOOL = """#!{python}
import json, pathlib, sys
with open("asked.json", "a") as asked:
    asked.write(json.dumps(sys.argv) + chr(10))
{body}
"""
WRITES = "pathlib.Path(sys.argv[3]).touch(); pathlib.Path(sys.argv[4]).touch()"


def tools(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str = WRITES) -> None:
    """Stand-ins for ncnn's tools, alone on the PATH."""
    folder.mkdir()
    for name in peer_ncnn.TOOLS:
        (folder / name).write_text(TOOL.format(python=sys.executable, body=body))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_ncnn_is_quantised_by_its_own_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from PIL import Image

    tools(tmp_path / "bin", monkeypatch)
    param, source = tmp_path / "model.ncnn.param", tmp_path / "x.onnx"
    monkeypatch.setattr(peer_ncnn, "convert", lambda path: param)
    monkeypatch.setattr(peer_ncnn, "_param", lambda path: param)
    faces = np.random.default_rng(2).uniform(-1, 1, (2, 3, 8, 6)).astype(np.float32)
    np.save(tmp_path / "calibration.npy", faces)
    out = peer_ncnn.quantise(source, tmp_path / "calibration.npy")
    assert out.is_file() and out == tmp_path / "model.int8.param"
    lines = (tmp_path / "asked.json").read_text().splitlines()
    table, int8 = (json.loads(line)[1:] for line in lines)
    floats = ["model.ncnn.param", "model.ncnn.bin"]
    assert table[:4] == [*floats, "faces.txt", "model.table"]
    assert int8 == [*floats, "model.int8.param", "model.int8.bin", "model.table"]
    # What the tool is told makes the faces again, but for a rounding to 8 bits.
    options = dict(word.split("=") for word in table[4:])
    mean, norm = (float(options[key].strip("[]").split(",")[0]) for key in ("mean", "norm"))
    assert options["shape"] == "[6,8,3]" and options["pixel"] == "RGB"
    for name, face in zip((tmp_path / "faces.txt").read_text().split(), faces, strict=True):
        pixels = np.asarray(Image.open(tmp_path / name), np.float32)
        assert np.abs((pixels - mean) * norm - face.transpose(1, 2, 0)).max() <= 0.51 * norm


def test_without_ncnns_tools_its_int8_says_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Absent, match="ncnn2table and ncnn2int8 is in no wheel; build ncnn with"):
        peer_ncnn.quantise(tmp_path / "x.onnx", tmp_path / "c.npy")


def test_a_tool_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tools(tmp_path / "bin", monkeypatch, "sys.exit('no layer of int8')")
    monkeypatch.setattr(peer_ncnn, "convert", lambda path: tmp_path / "model.ncnn.param")
    monkeypatch.setattr(peer_ncnn, "_param", lambda path: tmp_path / "model.ncnn.param")
    np.save(tmp_path / "c.npy", np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(Absent, match="ncnn2table could not convert x.onnx: no layer of int8"):
        peer_ncnn.quantise(tmp_path / "x.onnx", tmp_path / "c.npy")
