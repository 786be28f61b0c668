"""The command: exit codes, one JSON value on stdout, one line of error on stderr."""

from __future__ import annotations

import errno
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder
from pocketvision.cli import VERBS, main
from pocketvision.runtime.shipped import host_targets


@pytest.fixture
def int8_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small int8 ONNX file; what is built to measure it stays out of the user's cache."""
    from ...compile.test_pipeline import network

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return network(tmp_path)


def json_of(capsys: Any, *arguments: str) -> Any:
    """The one JSON value that a verb prints."""
    assert main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    return json.loads(captured.out)


def error_of(capsys: Any, code: int, *arguments: str) -> str:
    """The one line that a verb prints when it fails with ``code``."""
    try:
        result = main(list(arguments))
    except SystemExit as leave:
        result = leave.code if isinstance(leave.code, int) else 1
    captured = capsys.readouterr()
    assert result == code
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("pocketvision: error: ")
    return str(captured.err)


def test_the_verbs_stand_in_their_groups(capsys: Any) -> None:
    assert main([]) == 2  # nothing was asked for, so a script must not go on
    captured = capsys.readouterr()
    with pytest.raises(SystemExit) as leave:
        main(["--help"])
    assert leave.value.code == 0
    page = capsys.readouterr().out
    assert captured.err == page and captured.out == ""
    titles = [line[:-1] for line in page.splitlines() if re.match(r"\w.*:$", line)]
    assert titles == [*VERBS, "options"] and len(VERBS) == 4
    for title, modules in VERBS.items():
        lines = page.partition(f"{title}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines] == [m.rpartition(".")[2] for m in modules]
        assert all(len(line.split()) > 3 for line in lines)  # with what it does


def test_verbs_are_grouped_as_their_folders() -> None:
    folders = [{module.split(".")[0] for module in group} for group in VERBS.values()]
    assert folders == [{"use"}, {"check"}, {"compile"}, {"train"}]


def test_info(capsys: Any, model_file: Path) -> None:
    overview = json_of(capsys, "info")
    assert set(overview) == {"version", "targets", "models", "default", "shown"}
    assert overview["targets"] and overview["default"] in overview["models"]
    described = json_of(capsys, "info", str(model_file))
    assert described["record"]["name"] == "fixture" and described["arena_bytes"] == 512
    assert main(["info", str(model_file)]) == 0
    page = capsys.readouterr().out
    assert page.startswith("fixture.sums.v1: face-embedding, 128 values, cosine\n")
    assert "  threshold   0.25 at FAR 1 % on noise, all pairs\n" in page
    assert "              0.5 at FAR 0.1 % on noise, all pairs\n" in page
    assert "112x112 RGB, (pixel - 127.5) / 127.5\n" in page
    assert not re.search(r"[{}\[\]]|None", page.replace(str(model_file), ""))  # no Python in it


def test_info_shows_thresholds_by_the_gallerys_size(
    capsys: Any, make_model: Any, record_values: Any
) -> None:
    rest = {"interval": [0.0, 0.2], "dataset": "noise", "protocol": "none"}
    found = [
        {"size": size, "fpir": fpir, "threshold": size * fpir, **rest}
        for size, fpir in ((100, 0.01), (10, 0.01), (10, 0.1))
    ]
    path = make_model(RECORD=record_values | {"identification": found}, name="open")
    assert main(["info", str(path)]) == 0
    page = capsys.readouterr().out
    assert "  open set    at FPIR 10 % on noise: 1 among 10\n" in page
    assert "              at FPIR 1 % on noise: 0.1 among 10, 1 among 100\n" in page


def test_info_of_a_classifier_of_clips(
    capsys: Any, make_model: Any, tmp_path: Path, crops: Any
) -> None:
    preprocess = {"size": [112, 112], "colour": "RGB", "mean": [0.0] * 3, "std": [255.0] * 3}
    record = {
        "name": "steps", "tag": "v1", "task": "clips", "preprocess": preprocess,
        "classes": ["calm", "fight"], "frames": 16, "stride": 2,
    }  # fmt: skip
    path = make_model(RECORD=record, name="clips")
    assert main(["info", str(path)]) == 0
    page = capsys.readouterr().out
    assert page.startswith("steps.v1: clips, 2 classes, 16 frames, rgb\n")
    assert "16 frames, one of every 2\n" in page and "calm, fight\n" in page
    np.save(tmp_path / "crops.npy", crops)
    given = ["embed", str(tmp_path / "crops.npy"), "--model", str(path)]
    assert main([*given, "--out", str(tmp_path / "x.npy")]) == 2
    assert "expected a face embedder, got a model of the task 'clips'" in capsys.readouterr().err


def test_info_shows_what_to_choose_by(
    capsys: Any, make_model: Any, record_values: Any, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    score = {"protocol": "10-fold", "std": 0.01, "dataset": "LFW View 2"}
    scores = [
        {**score, "precision": "float32", "accuracy": 0.99},
        {**score, "precision": "int8", "accuracy": 0.9651},
    ]
    said = {"scores": scores, "licence": "research " * 20}
    good, here = make_model(RECORD={**record_values, **said}), host_targets()[-1]
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no model")
    found = {
        "net-a": {here: str(good)},
        "net-b": {"elsewhere": "b.so"},
        "net-c": {here: str(broken)},
    }
    monkeypatch.setattr("pocketvision.cli.check.info.shipped", lambda: found)
    monkeypatch.setattr("pocketvision.cli.check.info.DEFAULT_MODEL", "net-a")
    assert main(["info"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 100
    rows = [re.split(r"  +", line) for line in page.splitlines()]
    assert rows[2] == ["model", "task", "values", "size", "LFW, float", "LFW, int8"]
    assert rows[3][:3] == ["net-a", "face-embedding", "128"]
    assert rows[3][4:] == ["99.00 %", "96.51 %", "the default"]
    assert rows[4] == ["net-b", "-", "-", "-", "-", "-"]
    assert "licence, net-a: research research" in page
    assert f"compiled for, net-a: {here}\n" in page
    assert "net-b: elsewhere (not for this processor)\n" in page
    assert f"net-c: {here} (damaged: pocketvision info net-c)\n" in page
    monkeypatch.setattr("pocketvision.cli.check.info.shipped", dict)
    assert main(["info"]) == 0 and "no models are installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--colour"], "unrecognized arguments: --colour"),
        (["paint"], "paint"),
        (["embed"], "PICTURE"),
        (["embed", "no.png"], "no"),
        (["info", "no-such-model"], "no shipped model is named 'no-such-model'"),
        (["info", "no/such.so"], "no such compiled model"),
        (["verify", "a", "b", "--far", "often"], "often"),
        (["evaluate", "lfw"], "--model"),
        (["evaluate", "megaface", "--model", "m"], "megaface"),
        (["compile", "m.onnx"], "--out"),
        (["report"], "MODEL.onnx"),
        (["report", "m.onnx", "--rounds", "many"], "many"),
        (["report", "no/such.onnx"], "no such ONNX file"),
        (["validate", "no/such.onnx"], "no such ONNX file"),
        (["embed", "empty"], "empty: no such picture or folder"),
        (["compile", ".", "--out", "x"], "is a folder; give the ONNX file itself"),
        (["verify", ".", "."], "is a folder; give the picture itself"),
        (["validate", "m.onnx", "--count", "some"], "some"),
        (["analyze", "m.onnx"], "--target"),
        (["analyze", "no/such.onnx", "--target", "cortex-m4"], "no such ONNX file"),
        (
            ["train", "r.toml", "--data", ".", "--out", "x", "--threads", "0"],
            "--threads: expected at least 1",
        ),
        (["tune"], "MODEL.onnx"),
        (["tune", "m.onnx", "--cost", "money"], "money"),
        (["tune", "no/such.onnx"], "no such ONNX file"),
    ],
)
def test_bad_usage_is_2(capsys: Any, arguments: list[str], message: str) -> None:
    assert message in error_of(capsys, 2, *arguments)


def test_bad_pictures_are_2(capsys: Any, model_file: Path, tmp_path: Path) -> None:
    model = ["--model", str(model_file)]
    text = tmp_path / "text.npy"
    text.write_text("not an array")
    assert "text.npy" in error_of(capsys, 2, "embed", str(text), *model)
    text.write_bytes(b"")
    assert "text.npy: expected an array" in error_of(capsys, 2, "embed", str(text), *model)
    small = tmp_path / "small.npy"
    np.save(small, np.zeros((64, 64, 3), np.uint8))
    assert "small.npy: no face found in 64 x 64 pixels" in error_of(
        capsys, 2, "embed", str(small), *model
    )
    assert "no such picture" in error_of(capsys, 2, "embed", str(tmp_path / "none.png"), *model)


def test_places_that_cannot_be_written_are_said_before_the_work(
    capsys: Any, pictures: list[str], tmp_path: Path
) -> None:
    below, folder = Path(pictures[0]) / "new", str(tmp_path)
    for verb in (
        ["embed", "none.png", "--out"],
        ["gallery", "export", "none", "--out"],
        ["report", "none.onnx", "--out"],
        ["quantize", "none.onnx", "--images", "none", "--out"],
        ["evaluate", "lfw", "--model", "none", "--pairs", "none", "--plot"],
    ):
        error = error_of(capsys, 2, *verb, folder)
        assert f"argument {verb[-1]}: {folder} is a folder; name a file in it" in error
        error = error_of(capsys, 2, *verb, str(below))
        assert f"argument {verb[-1]}: {pictures[0]} is a file; expected a folder" in error
    for verb in (["compile", "none.onnx", "--out"], ["train", "none.toml", "--out"]):
        assert f"{pictures[0]} is a file" in error_of(capsys, 2, *verb, str(below))


def test_the_systems_errors_name_the_file_that_was_asked_for(
    capsys: Any, model_file: Path, pictures: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source))

    monkeypatch.setattr("pocketvision.files.os.replace", full)
    out = tmp_path / "v.npy"
    verb = ["embed", pictures[0], "--model", str(model_file), "--out", str(out)]
    assert f"OSError: {out}: No space left on device" in error_of(capsys, 1, *verb)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "b.npy"]


def test_image_files(capsys: Any, model_file: Path, tmp_path: Path, crops: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    image.fromarray(crops[0]).save(tmp_path / "face.png")
    result = json_of(capsys, "embed", str(tmp_path / "face.png"), "--model", str(model_file))
    wanted = Embedder(model_file).embed(crops[0])[0]
    np.testing.assert_array_equal(np.float32(result["faces"][0]["embedding"]), wanted)
    (tmp_path / "broken.png").write_bytes((tmp_path / "face.png").read_bytes()[:200])
    error = error_of(capsys, 2, "embed", str(tmp_path / "broken.png"), "--model", str(model_file))
    assert f"{tmp_path / 'broken.png'}: the picture is cut off" in error


def test_failures_at_run_time_are_1(
    capsys: Any, make_model: Any, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = str(make_model(RESULT=1))
    assert "RunError" in error_of(capsys, 1, "embed", pictures[0], "--model", broken)
    monkeypatch.setattr("pocketvision.cli.check.info.shipped", lambda: 1 // 0)
    assert "ZeroDivisionError" in error_of(capsys, 1, "info")


@pytest.mark.parametrize(
    ("verb", "module", "arguments"),
    [
        ("compile", "pocketvision.compile", ["model.onnx", "--out", "out"]),
        ("report", "pocketvision.compile.inspect.report", ["model.onnx"]),
        ("generate", "pocketvision.compile", ["model.onnx", "--out", "out"]),
        ("validate", "pocketvision.compile.inspect.validate", ["model.onnx"]),
        ("analyze", "pocketvision.compile.inspect.analyze",
         ["model.onnx", "--target", "cortex-m4"]),
        ("tune", "pocketvision.compile.tune.tune", ["model.onnx"]),
        ("cost", "pocketvision.compile.cost.price", ["t.json", "--target", "cortex-m4"]),
        ("quantize", "pocketvision.training.quantize",
         ["model.onnx", "--images", "crops", "--out", "m.onnx"]),
        ("evaluate", "pocketvision.training.evaluate.faces",
         ["lfw", "--model", "m", "--images", "i", "--pairs", "p"]),
    ],
)  # fmt: skip
def test_a_missing_extra_is_1(
    capsys: Any, monkeypatch: pytest.MonkeyPatch, verb: str, module: str, arguments: list[str]
) -> None:
    class Absent:
        """Makes every import of the verb's module fail as an absent package does."""

        def find_spec(self, name: str, *_: object) -> None:
            if name == module:
                raise ModuleNotFoundError("No module named 'brotli'", name="brotli")

    monkeypatch.delitem(sys.modules, module, raising=False)
    parent, _, child = module.rpartition(".")
    monkeypatch.delattr(importlib.import_module(parent), child, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    extra = {
        "quantize": "training",
        "evaluate": "training",
        "report": "compile",
        "tune": "compile",
        "cost": "compile",
        "validate": "compile",
        "generate": "compile",
        "analyze": "compile",
    }.get(verb, verb)
    message = error_of(capsys, 1, verb, *arguments)
    assert f"brotli is not installed. Type: pip install 'pocketvision[{extra}]'" in message


def test_bench_prints_its_rows(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "network": "n", "target": "t", "rounds": 2, "median_ms": 1.25, "fast_ms": 1.0,
        "q1_ms": 1.125, "q3_ms": 2.0, "steady": False, "start_ms": 60.0, "resident_mb": None,
        "installed_mb": 10.5,
    }  # fmt: skip
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        "pocketvision.bench.latency.run", lambda *given: asked.append(given) or [row]
    )
    assert json_of(capsys, "bench", "n", "--rounds", "2", "--starts", "3") == [row]
    assert main(["bench"]) == 0
    captured = capsys.readouterr()
    assert "n        t       1.250      1.000           1.125  2.000" in captured.out
    assert "note: n: the middle half of the rounds spreads over" in captured.err
    assert main(["bench", "--starts", "2"]) == 0
    assert "60.000    -            10.500" in capsys.readouterr().out
    assert asked == [(["n"], 2, 3), (None, 50, 0), (None, 50, 2)]


def test_bench_on_threads(capsys: Any, model_file: Path) -> None:
    arguments = ["bench", str(model_file), "--threads", "2", "--rounds", "2"]
    one, two = json_of(capsys, *arguments)
    assert (one["network"], one["threads"], one["ratio_to_one"]) == ("fixture", 1, 1.0)
    assert two["threads"] == 2 and two["images_per_second"] > 0 < two["ratio_to_one"]
    assert main(arguments) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["network", "threads", "images_per_second", "ratio_to_one"]
    assert [line.split()[:2] for line in lines] == [["fixture", "1"], ["fixture", "2"]]
    assert "--starts" in error_of(capsys, 2, *arguments, "--starts", "2")
    assert "threads: expected" in error_of(capsys, 2, "bench", str(model_file), "--threads", "0")


def test_report(capsys: Any, tmp_path: Path, int8_file: Path) -> None:
    arguments = ["report", str(int8_file), "--target", "host", "--rounds", "3"]
    out = tmp_path / "new" / "page.html"
    found = json_of(capsys, *arguments, "--out", str(out))
    assert found["target"] in host_targets() and found["unit"] == "microseconds"
    assert sum(row["share"] for row in found["operators"]) == pytest.approx(100)
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    assert out.read_text().startswith("<!DOCTYPE html>") and "processor: " in out.read_text()
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert plain.startswith(f"{found['model']} for {found['target']}\n")
    assert "Kinds of operators" in plain and "Not accelerated" in plain


def test_report_says_what_is_wrong(capsys: Any, tmp_path: Path, int8_file: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no protobuf")
    assert "bad.onnx" in error_of(capsys, 2, "report", str(bad))
    model = str(int8_file)
    assert "choose one of x86" in error_of(capsys, 2, "report", model, "--target", "z80")
    assert "at least 2" in error_of(capsys, 2, "report", model, "--rounds", "1")


def test_validate(capsys: Any, int8_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = json_of(
        capsys, "validate", str(int8_file), "--target", host_targets()[0], "--count", "2"
    )
    assert found["equal"] and found["vectors"] == 2 and found["difference"] is None
    from pocketvision.compile.inspect import validate

    difference = validate.Difference("conv", 1, 9, (0, 0, 0, 3), 7, -7)
    wrong = validate.Validation("cortex-m4", 1, difference=difference)
    monkeypatch.setattr(validate, "validate", lambda *_: [wrong])
    assert main(["validate", str(int8_file)]) == 1
    assert "expected 7, got -7" in capsys.readouterr().out


def test_analyze(capsys: Any, int8_file: Path) -> None:
    fixed = ["analyze", str(int8_file), "--target", host_targets()[-1], "--no-run"]
    found = json_of(capsys, *fixed, "--ram", "1M,64K", "--flash", "4M")
    assert found["fits"] and found["ram"] == [1 << 20, 1 << 16] and found["flash"] == 4 << 20
    assert main([*fixed, "--ram", "9K"]) == 1
    assert "does not fit\n  RAM: " in capsys.readouterr().out
    for words, message in (
        (["--ram", "512K;288K"], "--ram: expected sizes such as 512K,288K"),
        (["--flash", "1M,1M"], "--flash: expected one size"),
        (["--stack", "1K,1K"], "--stack: expected one size"),
        (["--clock", "-3"], "--clock: expected MHz, such as 480, got -3"),
        (["--clock", "nan"], "--clock: expected MHz"),
    ):
        assert message in error_of(capsys, 2, *fixed, *words)


def test_generate_is_compile(capsys: Any, tmp_path: Path, int8_file: Path) -> None:
    target = host_targets()[-1]
    found = json_of(
        capsys, "generate", str(int8_file), "--target", target, "--out", str(tmp_path / "out")
    )
    assert [Path(file).exists() for file in found["files"]] == [True]


def test_tune(capsys: Any, tmp_path: Path, int8_file: Path) -> None:
    target, table = host_targets()[-1], tmp_path / "table.json"
    arguments = ["tune", str(int8_file), "--target", target, "--table", str(table)]
    (found,) = json_of(capsys, *arguments, "--candidates", "3", "--rounds", "5")
    assert found["target"] == target and found["unit"] == "microseconds"
    assert found["table"] == str(table) and 0 < found["tuned"] <= found["default"]
    stored = json.loads(table.read_text())["kernels"]
    assert stored.keys() == {row["kernel"] for row in found["rows"]}
    assert main(arguments) == 0
    plain = capsys.readouterr().out
    assert plain.startswith(f"{found['model']} for {target}: microseconds per call\n")
    assert plain.count("conv 3x3 8x8x3 -> 8x8x16 + activation") == 1
    assert f"of {len(stored)} shapes took another tile" in plain
    compile_it = ["compile", str(int8_file), "--target", target, "--out", str(tmp_path)]
    assert json_of(capsys, *compile_it, "--table", str(table))["target"] == target
    table.write_text("[]")
    for verb in (arguments, [*compile_it, "--table", str(table)]):
        assert "table.json: expected" in error_of(capsys, 2, *verb)


def test_the_module_is_the_command(model_file: Path) -> None:
    command = [sys.executable, "-m", "pocketvision", "info", str(model_file), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["target"] == "test" and result.stderr == ""
