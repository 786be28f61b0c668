"""Every code block of the pages is run: Python as printed, commands as far as they are quick."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pocketvision import Gallery, cli
from pocketvision.record import Record
from pocketvision.runtime.shipped import DEFAULT_MODEL, of_task, shipped

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *("README.md", "python/README.md", "compile/README.md", "csrc/firmware/README.md"),
    *("training/recipes/README.md", "training/search/README.md"),
    "python/pocketvision/faces/gallery/README.md",
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)
QUICK = ("info", "verify", "gallery", "bench")
"""Verbs that are run; of the others the arguments are parsed, as their work takes minutes."""

LANDMARKS = [[203.3, 101.5], [247.2, 103.0], [224.1, 127.2], [204.2, 141.8], [242.8, 142.8]]
HEADER = """
#include <pocketvision/recipe.h>
extern const pv_model {word}_model;
extern const pv_recipe {word}_recipe;
#define {upper}_ARENA_BYTES 64
#define {upper}_ARENA_ALIGNMENT 64
#define {upper}_INPUT_BYTES 4
#define {upper}_OUTPUT_BYTES 4
#define {upper}_INPUTS 2
#define {upper}_OUTPUTS 1
#define {upper}_INPUT0_BYTES 4
#define {upper}_INPUT1_BYTES 4
#define {upper}_BANKS 2
#define {upper}_BANK0_BYTES 64
#define {upper}_BANK1_BYTES 64
"""


def blocks(page: str, *languages: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for language, body in BLOCK.findall(text) if language in languages]


def commands() -> Iterator[tuple[str, str]]:
    """Page and command, of fenced blocks and of indented ones; not what test_own.py runs."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        rest = BLOCK.sub("", text).replace("\\\n", " ")
        indented = re.findall(r"^    (\S.*)$", rest, re.M)
        whole = "\n".join([*(b.replace("\\\n", " ") for b in blocks(page, "")), *indented])
        for line in whole.splitlines():
            if line.strip() and "runs/own" not in line:
                yield page, line


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crops: np.ndarray) -> Path:
    """A folder with what the pages' commands read."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    for name, crop in zip(("face", "other"), crops, strict=False):
        image.fromarray(crop).save(f"{name}.png")
    for person in ("ada", "grace"):
        (tmp_path / "people").mkdir(exist_ok=True)
        shutil.copy("face.png", f"people/{person}.png")
    image.fromarray(pytest.importorskip("skimage.data").astronaut()).save("group.jpg")
    (tmp_path / "unknown").mkdir()
    shutil.copy("other.png", "unknown")
    for folder in ("out", "training", "csrc"):
        if (ROOT / folder).is_dir():
            (tmp_path / folder).symlink_to(ROOT / folder)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_python(page: str, place: Path, crops: np.ndarray) -> None:
    data = pytest.importorskip("skimage.data")
    for body in blocks(page, "python"):
        given = {"crops": crops, "picture": data.astronaut(), "landmarks": [LANDMARKS]}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(body, page, "exec"), given)
        text = blocks(page, "text")
        assert not text or said.getvalue() == text[0]


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_commands(page: str, line: str, place: Path) -> None:
    line = re.sub(r"\$M\b", "training/weights/facechain-25m.int8.onnx", line)
    words = shlex.split(line, comments=True)
    while re.fullmatch(r"\w+=.*", words[0]) and len(words) > 1:
        words.pop(0)
    if "people.pvdb" in words and "enrol" not in words and shipped():
        with Gallery.open("people.pvdb", model=DEFAULT_MODEL) as gallery:
            for person, row in zip(("ada", "grace"), np.eye(2, gallery.dimension), strict=True):
                gallery.enrol(person, row)
    match words:
        case ["pip", "install", what]:
            extras = re.findall(r"\[(.*)\]", what)
            known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            assert all(extra in known["optional-dependencies"] for extra in extras)
        case ["sudo", "apt-get", "install", *packages]:
            assert set(packages) <= set((ROOT / ".ci/run").read_text().split())
        case [assignment] if assignment.startswith("M="):
            assert (ROOT / assignment.removeprefix("M=")).is_file()
        case ["export", _]:
            pass
        case ["make", "-f", file, *variables]:
            model = next(v.removeprefix("MODEL=") for v in variables if v.startswith("MODEL="))
            (place / model).parent.mkdir(parents=True, exist_ok=True)
            target = next(v.removeprefix("TARGET=") for v in variables if v.startswith("TARGET="))
            for end in (f".{target}.a", ".h"):
                Path(f"{place / model}{end}").touch()
            for name in ("faces.txt", "people.pvg", "faces.bin"):
                (place / name).touch()
            command = ["make", "-n", "-f", str(ROOT / file), *variables]
            subprocess.run(command, cwd=place, check=True, capture_output=True)
        case ["training/gpu.sh", "pack" | "unpack", _, _]:
            assert (ROOT / "training/gpu.sh").is_file()
        case ["training/gpu.sh", "train", _, _, *recipes]:
            assert recipes and all((ROOT / recipe).is_file() for recipe in recipes)
        case ["torchrun", *_, "-m", "pocketvision", "train", recipe, "--out", _]:
            assert (ROOT / recipe).is_file()
        case ["python", "-m", module, *_]:
            assert find_spec(module) is not None
        case ["pocketvision", "embed", picture, "--out", out]:
            assert cli.main(["embed", picture, "--out", out]) == 0 and (place / out).is_file()
        case ["pocketvision", "detect" | "cluster" as verb, *rest] if "FILE" not in rest:
            assert cli.main([verb, *rest]) == 0
        case ["pocketvision", "enrol" | "identify" as verb, *rest] if "--key-file" not in rest:
            # The pictures here are noise, for which no threshold is meant.
            rest += ["--allow-duplicate", "--allow-unreliable"]
            rest += ["--threshold", "0.5"] if verb == "identify" else []
            assert cli.main([verb, *rest]) == 0
        case ["pocketvision" | ".venv/bin/pocketvision", verb, *rest] if verb in QUICK:
            assert cli.main([verb, *rest]) == 0
        case ["pocketvision" | ".venv/bin/pocketvision", verb, *rest]:
            assert cli.build_parser().parse_args([verb, *rest]).verb == verb
        case _:
            pytest.fail(f"{page}: no way to run {line}")


def test_c(tmp_path: Path) -> None:
    """The blocks of the firmware page, one after the other in one function of a caller."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    for file, word in (("facechain-25m", "facechain_25m"), ("name", "name")):
        text = HEADER.replace("{word}", word).replace("{upper}", word.upper())
        (tmp_path / f"{file}.h").write_text(text)
    lines = "\n".join(blocks("csrc/firmware/README.md", "c")).splitlines()
    top = [line for line in lines if line.startswith("#include")]
    body = [line for line in lines if not line.startswith("#include")]
    (tmp_path / "caller.c").write_text(
        "\n".join(
            [
                *top, '#include "name.h"',
                "void show(const char *name, int score);",
                "void caller(const void *people, size_t people_bytes, const float points[10],",
                "            int8_t *input, int8_t *embedding, const void *image, void *mask) {",
                "  static uint8_t pixels[1]; int32_t landmarks[10]; (void)image; (void)mask;",
                *body, "}",
            ]
        )
    )  # fmt: skip
    subprocess.run(
        [compiler, "-std=c11", "-fsyntax-only", "-Wall", f"-I{ROOT / 'csrc/include'}",
         f"-I{tmp_path}", str(tmp_path / "caller.c")], check=True,
    )  # fmt: skip


def test_the_models_of_the_readme_are_those_that_are_shipped() -> None:
    models = pytest.importorskip("pocketvision.training.models")
    from pocketvision.training.models.count import count

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| (.*) % \|$",
                      text, re.M)  # fmt: skip
    weights = ROOT / "training/weights"
    beside = {path.name.removesuffix(".int8.onnx") for path in weights.glob("far/*.int8.onnx")}
    assert rows and {row[0] for row in rows} == {
        path.name.removesuffix(".int8.onnx") for path in weights.glob("*.int8.onnx")
    } - set(of_task("face-detection"))
    assert {row[0] for row in rows} | beside >= set(of_task("face-embedding"))
    for name in (*beside, *of_task("face-detection")):
        assert name in text
    for name, parameters, macs, _, milliseconds, accuracy in rows:
        counted = count(models.create(name), models.entry(name).input_size)
        assert f"{counted.parameters:,}" == parameters
        assert f"{counted.macs / 1e6:.1f}" == macs
        record = Record.from_json((weights / f"{name}.json").read_text())
        (stated,) = (
            score["accuracy"]
            for score in record.scores
            if score["precision"] == "int8" and "flip" in score["protocol"]
        )
        assert f"{100 * stated:.2f}" == accuracy
        results = json.loads((ROOT / f"tests/bench/results/epyc/{name}.json").read_text())
        measured = results["rows"] if isinstance(results, dict) else results
        own = next(row for row in measured if row["runtime"] == "pocketvision")
        assert f"{own['median_ms']:.2f}" == milliseconds


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 90
