"""A record as C constants: the runtime's own tables, and what is refused or left out."""

from __future__ import annotations

import base64
import ctypes
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile import CompileError
from pocketvision.compile.emit import face_recipe, sources
from pocketvision.compile.graph import Graph, Tensor
from pocketvision.faces.template import ARCFACE_TEMPLATE

from ...csrc.host import ROOT, Tables
from ...csrc.host import Tensor as CTensor
from ...csrc.test_template import Recipe
from .constants import read_back

SOURCE = Tensor("in", 112, 112, 3, 1 / 128, -3)
MEAN, STD = [127.5, 120.0, 3.0], [127.5, 60.0, 0.01]


def text_of(word: str, record: str, source: Tensor) -> str:
    """The C text for a network of one tensor."""
    graph = Graph("tiny", {source.name: source}, (), (source.name,), (source.name,), record)
    return face_recipe.text(word, graph)


def record(**changes: Any) -> str:
    """What a recipe needs of a record; ``changes`` are of its preprocessing."""
    preprocess = {"size": [112, 112], "colour": "RGB", "mean": MEAN, "std": STD,
                  "template": ARCFACE_TEMPLATE, **changes}  # fmt: skip
    first = {"far": 1e-2, "threshold": 0.25, "dataset": 'the "small" one', "protocol": "p"}
    second = {"far": 1e-7, "threshold": -0.5, "dataset": "große", "protocol": "p"}
    return json.dumps({"preprocess": preprocess, "thresholds": [first, second], "smallest": 11})


@pytest.fixture(scope="module")
def initialise(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """pv_pixel_tables_init as the host's runtime has it."""
    path = tmp_path_factory.mktemp("host") / "preprocess.so"
    source = ROOT / "csrc" / "runtime" / "core" / "preprocess.c"
    options = ["-std=c11", "-O2", "-ffp-contract=off", "-shared", "-fPIC"]
    include = f"-I{sources.include_directory()}"
    subprocess.run(["cc", *options, include, str(source), "-o", str(path), "-lm"], check=True)
    return ctypes.CDLL(str(path)).pv_pixel_tables_init


@settings(max_examples=100, deadline=None)
@given(
    mean=st.lists(st.floats(-300, 300, width=32), min_size=3, max_size=3),
    std=st.lists(st.floats(2**-7, 300, width=32), min_size=3, max_size=3),
    scale=st.floats(2**-14, 4, width=32),
    zero=st.integers(-128, 127),
)
def test_tables_are_those_of_the_runtime(initialise, mean, std, scale, zero) -> None:
    wanted = Tables()
    shape = (ctypes.c_uint32 * 6)(112, 112, 3)
    tensor = CTensor(b"in", 1, 3, shape, scale, zero)
    status = initialise(
        ctypes.byref(wanted), ctypes.byref(tensor), (ctypes.c_float * 3)(*mean),
        (ctypes.c_float * 3)(*std), 0,
    )  # fmt: skip
    assert status == 0
    found = face_recipe.pixel_tables(mean, std, Tensor("in", 112, 112, 3, scale, zero))
    np.testing.assert_array_equal(found, np.array(wanted.value))


@pytest.mark.parametrize("colour, order", [("RGB", [0, 1, 2]), ("BGR", [2, 1, 0])])
def test_the_constants_are_those_of_the_record(
    colour: str, order: list[int], tmp_path: Path
) -> None:
    text = text_of("tiny", record(colour=colour), SOURCE)
    found = read_back(tmp_path, "recipe.h", text, Recipe, "tiny_recipe")
    subprocess.run(
        ["cc", "-xc++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only",
         "-include", "pocketvision/face.h", "-include", "pocketvision/gallery.h",
         f"-I{sources.include_directory()}", "main.c"],
        check=True, cwd=tmp_path,
    )  # fmt: skip
    tables = np.array(found.tables, np.uint8)
    assert tables[:3].tolist() == order
    wanted = face_recipe.pixel_tables(MEAN, STD, SOURCE)
    np.testing.assert_array_equal(tables[3:].reshape(3, 256), wanted)
    points = np.array(found.reference).reshape(5, 2) / 65536
    np.testing.assert_allclose(points, ARCFACE_TEMPLATE, atol=2**-17)
    assert found.smallest == 11
    rates = found.thresholds[: found.threshold_count]
    assert [(rate.score, rate.far, rate.dataset.decode()) for rate in rates] == [
        (8192, 10**7, 'the "small" one'), (-16384, 100, "große")
    ]  # fmt: skip


def test_the_unrecognisable_directions_stand_beside_it(tmp_path: Path) -> None:
    rows = np.arange(-6, 6, dtype=np.int8).reshape(2, 6)
    values = json.loads(record())
    directions = base64.b64encode(rows.tobytes()).decode()
    known = {"count": 2, "level": 0.25, "data": "few people", "directions": directions}
    values["unrecognisable"] = known
    output = Tensor("out", 1, 1, 6, 1.0, 0)
    graph = Graph("tiny", {"in": SOURCE, "out": output}, (), ("in",), ("out",), json.dumps(values))
    text = face_recipe.text("tiny", graph)
    found = read_back(tmp_path, "recipe.h", text, Recipe, "tiny_recipe").unrecognisable
    assert (found.count, found.level) == (2, 8192)
    assert ctypes.string_at(found.directions, 12) == rows.tobytes()
    known["count"] = 3
    graph = Graph("tiny", {"in": SOURCE, "out": output}, (), ("in",), ("out",), json.dumps(values))
    with pytest.raises(CompileError, match="unrecognisable: 12 values .* expected 3 x 6"):
        face_recipe.text("tiny", graph)


def test_without_a_face_there_is_no_recipe() -> None:
    assert text_of("tiny", "{}", SOURCE) == ""
    assert text_of("tiny", "", SOURCE) == ""
    assert text_of("tiny", "[1]", SOURCE) == ""
    assert text_of("tiny", record(template=None), SOURCE) == ""
    assert text_of("tiny", record(), Tensor("in", 112, 112, 1, 1.0, 0)) == ""


def test_without_thresholds_there_are_none() -> None:
    values = json.loads(record())
    del values["thresholds"], values["smallest"]
    text = text_of("tiny", json.dumps(values), SOURCE)
    assert "pv_threshold" not in text
    assert text.endswith("    0,\n    0,\n    {0, 0, 0},\n    0};\n")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"size": [96, 112]}, r"size is \[96, 112\], the model takes \(112, 112, 3\)"),
        ({"colour": "YUV"}, "YUV"),
        ({"std": [1, 0, 1]}, "expected finite numbers"),
        ({"mean": [1, 2]}, "reshape"),
        ({"template": [[1, 2]] * 4}, "expected five points"),
        ({"template": [[1, 5000]] * 5}, "expected five points"),
    ],
)
def test_a_malformed_record_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(
        CompileError, match=f"record: preprocess, thresholds or unrecognisable: .*{message}"
    ):
        text_of("tiny", record(**changes), SOURCE)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1, 1), st.integers(0, 20_000))
def test_a_threshold_in_c_accepts_no_score_that_the_record_refuses(value: float, tenths) -> None:
    for threshold in (value, tenths / 10_000 - 1):
        values = json.loads(record())
        values["thresholds"][0]["threshold"] = threshold
        text = text_of("tiny", json.dumps(values), SOURCE)
        score = int(re.search(r"tiny_thresholds\[2\] = \{\{(-?\d+),", text)[1])
        assert score - 1 < threshold * face_recipe.SCORE_ONE <= score


def test_a_threshold_must_be_a_cosine() -> None:
    values = json.loads(record())
    values["thresholds"][0]["threshold"] = 25
    with pytest.raises(CompileError, match="threshold 25.0 at rate 0.01: expected -1 to 1"):
        text_of("tiny", json.dumps(values), SOURCE)
