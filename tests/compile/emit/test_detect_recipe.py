"""A detector's record as C constants: those that the host's runtime makes, and what is refused."""

from __future__ import annotations

import ctypes
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.emit import detect_recipe, sources
from pocketvision.compile.graph import Graph, Tensor

from ...csrc.host import DETECT, ROOT, Model
from ...csrc.host import Tensor as CTensor
from ...csrc.test_detect import Recipe
from .constants import read_back

HEIGHT, WIDTH, STRIDES = 64, 96, (8, 16, 32)
MEAN, STD = [128.0, 120.0, 3.0], [127.5, 60.0, 0.5]
PARTS = ("core/preprocess", "core/session", "core/status", "face/frame", "host/find", *DETECT)


def graph(scales: list[float], zero_points: list[int], record: str) -> Graph:
    """A network of these outputs."""
    source = Tensor("in", HEIGHT, WIDTH, 3, 1 / 128, -3)
    outputs = [
        Tensor(f"out{s}", HEIGHT // s, WIDTH // s, 16, scale, zero)
        for s, scale, zero in zip(STRIDES, scales, zero_points, strict=True)
    ]
    return Graph(
        "tiny", {t.name: t for t in (source, *outputs)}, (), ("in",),
        tuple(t.name for t in outputs), record,
    )  # fmt: skip


def record(**changes: Any) -> str:
    values = {
        "task": "face-detection", "strides": list(STRIDES), "score": 0.6, "overlap": 0.45,
        "logit": 2.0,
        "preprocess": {"size": [HEIGHT, WIDTH], "colour": "BGR", "mean": MEAN, "std": STD},
    }  # fmt: skip
    return json.dumps(values | changes)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The host's runtime, which fills a recipe in floating point."""
    path = tmp_path_factory.mktemp("host") / "detect.so"
    files = [str(ROOT / "csrc" / "runtime" / f"{part}.c") for part in PARTS]
    options = ["-std=c11", "-O2", "-ffp-contract=off", "-shared", "-fPIC"]
    include = f"-I{sources.include_directory()}"
    subprocess.run(["cc", *options, include, *files, "-o", str(path), "-lm"], check=True)
    return ctypes.CDLL(str(path))


def of_the_host(runtime: ctypes.CDLL, scales: list[float], zeros: list[int], dtype: int) -> Recipe:
    """pv_detect_recipe_init."""
    source = CTensor(b"in", 1, 3, (HEIGHT, WIDTH, 3), 1 / 128, -3)
    outputs = (CTensor * 3)(
        *(CTensor(b"o", dtype, 3, (HEIGHT // s, WIDTH // s, 16), scale, zero)
          for s, scale, zero in zip(STRIDES, scales, zeros, strict=True))
    )  # fmt: skip
    model = Model(input_count=1, output_count=3, inputs=ctypes.pointer(source), outputs=outputs)
    made = Recipe()
    status = runtime.pv_detect_recipe_init(
        ctypes.byref(made), ctypes.byref(model), (ctypes.c_uint32 * 3)(*STRIDES), 3,
        ctypes.c_double(2.0), ctypes.c_double(0.6), ctypes.c_double(0.45),
        (ctypes.c_float * 3)(*MEAN), (ctypes.c_float * 3)(*STD), 1,
    )  # fmt: skip
    assert status == 0
    return made


def test_the_constants_are_those_of_the_host(runtime: ctypes.CDLL, tmp_path: Path) -> None:
    scales, zeros = [8 / 255, 0.0123, 0.05], [0, -7, 11]
    text = detect_recipe.text("tiny", graph(scales, zeros, record()))
    found = read_back(tmp_path, "detect.h", text, Recipe, "tiny_detect_recipe")
    wanted = of_the_host(runtime, scales, zeros, 1)
    assert bytes(found) == bytes(wanted)


@pytest.mark.parametrize("seed", range(8))
def test_chances_and_steps_are_those_of_the_host(runtime: ctypes.CDLL, seed: int) -> None:
    random = np.random.default_rng(seed)
    scales = [float(np.float32(value)) for value in random.uniform(0.001, 0.2, 3)]
    zeros = [int(value) for value in random.integers(-128, 128, 3)]
    wanted = of_the_host(runtime, scales, zeros, 1)
    made = graph(scales, zeros, record())
    for level, name, stride in zip(wanted.levels, made.outputs, STRIDES, strict=False):
        tensor = made.tensors[name]
        assert detect_recipe.chances(tensor, 2.0).tolist() == list(level.chance)
        assert detect_recipe.step(tensor, stride) == level.step


def test_other_tasks_have_no_such_recipe() -> None:
    for text in ("", "{}", "[1]", record(task="clips")):
        assert detect_recipe.text("tiny", graph([0.1] * 3, [0] * 3, text)) == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": [8, 16]}, "2 strides, but the model has 3 outputs"),
        ({"strides": [8, 16, 64]}, "expected"),
        ({"score": 1.5}, "expected 0 to 1"),
        ({"preprocess": {"size": [1, 1], "colour": "RGB", "mean": MEAN, "std": STD}}, "size is"),
        ({"preprocess": {"size": [HEIGHT, WIDTH], "colour": "X", "mean": MEAN, "std": STD}}, "X"),
    ],
)
def test_a_malformed_record_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CompileError, match=f"record of a detector: .*{message}"):
        detect_recipe.text("tiny", graph([0.1] * 3, [0] * 3, record(**changes)))
    with pytest.raises(CompileError, match="scale .* is out of range"):
        detect_recipe.text("tiny", graph([9.0] * 3, [0] * 3, record()))
