"""``pocketvision cost`` as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pocketvision.cli import main

pytest.importorskip("tvm")

KEYS = ("ir/16-16/k3e1s1/8/relu/0", "head/16-16-16/gdc/4/relu")
ARM = "aarch64-dotprod"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text("# two layers\n" + "\n".join(KEYS) + "\n")
    return path


@pytest.mark.qemu
def test_a_table(tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "t.json"
    words = ["cost", str(path), "--target", ARM, "--keys", str(keys)]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == [
        "layer", "instructions", "cycles", "nanoseconds", "flash", "arena",
    ]  # fmt: skip
    assert all(key in said.out for key in KEYS) and "2 layers on aarch64-dotprod" in said.err
    stored = json.loads(path.read_text())
    assert stored["about"]["command"] == f"pocketvision cost t.json --target {ARM} --keys {keys}"
    assert stored["about"]["date"].startswith("20") and stored["about"]["processor"]
    before = path.read_bytes()
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"] == stored["rows"] and printed["target"] == ARM
    assert path.read_bytes() == before, "nothing is missing, so nothing is written"


@pytest.mark.qemu
def test_a_runner(tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture) -> None:
    board = tmp_path / "board.py"
    board.write_text("import os, sys; print(os.path.getsize(sys.argv[1]))")
    path = tmp_path / "t.json"
    runner = f"{sys.executable} {board}"
    words = ["cost", str(path), "--target", ARM, "--keys", str(keys), "--runner", runner, "--json"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(rows[key]["nanoseconds"] > 1000 for key in KEYS)
    assert "--runner" in json.loads(path.read_text())["about"]["command"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--target", "cortex-m9"], "target 'cortex-m9': a table is for one target"),
        (["--target", ARM, "--keys", "absent.txt"], "absent.txt: no such file of keys"),
        (["--target", ARM, "--keys", "wrong.txt"], "wrong.txt: line 1: key 'conv': expected a"),
        (["--target", ARM, "--keys", "binary"], "binary: "),
        ([], "the following arguments are required: --target"),
    ],
)
def test_wrong_usage(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("wrong.txt").write_text("conv\n")
    Path("binary").write_bytes(b"\xff\xfe\x00")
    try:
        code = main(["cost", "t.json", *words])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    assert code == 2 and why in capsys.readouterr().err
    assert not Path("t.json").exists()


def test_a_table_of_another_compiler(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "t.json"
    path.write_text(
        json.dumps({"version": 1, "target": ARM, "compiler": 0, "about": {}, "rows": {}})
    )
    assert main(["cost", str(path), "--target", ARM]) == 2
    said = capsys.readouterr().err
    assert "version 0 of the compiler's code" in said
    assert f"pocketvision cost {path} --target {ARM} --again" in said
    assert main(["cost", str(path), "--target", "cortex-m7"]) == 2
    assert "holds costs on aarch64-dotprod, not on cortex-m7" in capsys.readouterr().err
