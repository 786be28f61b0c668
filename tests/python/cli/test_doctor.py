"""``pocketvision doctor``: a line a check; exit code 1 where what should work does not."""

from __future__ import annotations

import json
import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from pocketvision.cli import extras, main
from pocketvision.cli.check import doctor
from pocketvision.faces import known
from pocketvision.runtime import shipped

MODELS = shipped.shipped()


def findings(capsys: Any, code: int) -> dict[str, dict[str, str]]:
    """By check what ``doctor --json`` finds, which ends with ``code``."""
    assert main(["doctor", "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == (code == 0)
    return {finding["check"]: finding for finding in found["findings"]}


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of one model, for one target, that may be changed."""
    if not MODELS:
        pytest.skip("this installation was built without models")
    target = shipped.host_targets()[-1]
    file = tmp_path / "models" / f"{shipped.DEFAULT_MODEL}.{target}.so"
    file.parent.mkdir()
    shutil.copy(MODELS[shipped.DEFAULT_MODEL][target], file)
    monkeypatch.setattr(shipped, "_package_folders", [str(tmp_path)])
    return file


@pytest.mark.skipif(not MODELS, reason="this installation was built without models")
def test_here_all_is_well(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(shipped.TARGET_VARIABLE, raising=False)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "all that is installed works"
    assert all(line[:5] in ("ok   ", "note ") for line in lines[:-2])
    for name, files in MODELS.items():
        targets = [target for target in shipped.host_targets() if target in files]
        assert f"ok   {name}: known answer on {', '.join(targets)}" in lines
    (threads,) = (line for line in lines if line.startswith("ok   threads: "))
    assert threads.split()[2] == str(len(os.sched_getaffinity(0)))


def test_every_shipped_model_has_an_answer() -> None:
    names = set()
    for files in MODELS.values():
        target = next(target for target in shipped.host_targets() if target in files)
        record = shipped.Record.from_json(shipped._runtime.Library(files[target]).record)
        assert known.expected(record)
        names.add(record.full_name)
    assert set(known.ANSWERS) <= names or not MODELS


def test_another_answer_is_a_failure(
    capsys: Any, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = findings(capsys, 0)[shipped.DEFAULT_MODEL]
    assert right["state"] == "ok"
    wrong = {name: "0" * 64 for name in known.ANSWERS}
    monkeypatch.setattr(known, "ANSWERS", wrong)
    found = findings(capsys, 1)[shipped.DEFAULT_MODEL]
    assert found["state"] == "bad" and "another answer" in found["text"]
    assert str(alone) in found["text"]
    monkeypatch.setattr(known, "ANSWERS", {})
    assert findings(capsys, 0)[shipped.DEFAULT_MODEL]["state"] == "note"


def test_a_damaged_model_is_a_failure_and_the_rest_is_still_looked_at(
    capsys: Any, alone: Path
) -> None:
    content = bytearray(alone.read_bytes())
    content[len(content) // 2] ^= 1
    alone.write_bytes(content)
    found = findings(capsys, 1)
    assert found[shipped.DEFAULT_MODEL]["state"] == "bad"
    assert found["version"]["state"] == "ok" and "C compiler" in found
    alone.unlink()
    assert "is not installed" in findings(capsys, 1)["models"]["text"]


def test_a_model_that_kills_its_process(
    capsys: Any, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -ILL $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(doctor.sys, "executable", str(dying))
    assert "ended by signal 4" in findings(capsys, 1)[shipped.DEFAULT_MODEL]["text"]


def test_a_target_that_is_not_of_this_processor(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(shipped.TARGET_VARIABLE, "cortex-m7")
    assert "POCKETVISION_TARGET asks for cortex-m7" in findings(capsys, 1)["targets"]["text"]


def test_a_check_that_fails_itself_is_said(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, list[str]]:
        raise metadata.PackageNotFoundError("pocketvision")

    monkeypatch.setattr("pocketvision.cli.extras.missing", broken)
    monkeypatch.setattr(doctor.shutil, "which", lambda program: None)
    found = findings(capsys, 1)
    assert found["extras"]["text"].startswith("PackageNotFoundError")
    assert "apt-get install qemu-user" in found["aarch64 emulator"]["text"]
    assert found["aarch64 emulator"]["state"] == "note"


def test_extras_that_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"pillow": "11.0", "torch": "2.13.0+cpu", "onnx": "1.0"}
    lines = [
        "numpy<3", 'pillow>=11; extra == "image"', 'onnx<2,>=1; extra == "compile"',
        'apache-tvm==0.27; extra == "compile"', 'torch==2.13.0; extra == "training"',
        'pocketvision[compile,image]; extra == "training"', 'torch==9; extra == "demo"',
    ]  # fmt: skip

    def version(name: str) -> str:
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(extras.metadata, "requires", lambda name: lines)
    monkeypatch.setattr(extras.metadata, "version", version)
    assert extras.missing() == {
        "image": [],
        "compile": ["apache-tvm"],
        "training": ["apache-tvm"],
        "demo": ["torch 9 (there is 2.13.0+cpu)"],
    }
