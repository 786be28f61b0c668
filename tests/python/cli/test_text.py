"""What reaches the terminal: no text of a file can act there as a command or fake a line."""

from __future__ import annotations

import ast
import copy
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketvision.cli
from pocketvision.cli import main
from pocketvision.cli.text import csv_text, printable, show, show_csv, show_json, show_table

CLEAR = "\x1b[2J"
EVIL = f"{CLEAR}\x07\x9b31m\x7f\r\nfake\u202e\u2028\udcff"
SAFE = r"\x1b[2J\x07\x9b31m\x7f\r\nfake\u202e\u2028\udcff"
KEPT = 'Zoë 王 می‌خواهم 👩‍🔬, "x" \\'


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert printable(EVIL) == SAFE and SAFE.isprintable()
    assert printable(KEPT) == KEPT


def test_ways_to_print(capsys: Any) -> None:
    show(EVIL, KEPT)
    assert capsys.readouterr().out == f"{SAFE}\n{KEPT}\n"
    show_table([("a", "b"), (EVIL, KEPT)])
    assert capsys.readouterr().out.splitlines()[1] == f"{SAFE}  {KEPT}"
    show_csv([("a,b", EVIL, 'say "x"')])
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f'"a,b",{SAFE},"say ""x"""'
    show_json({"name": EVIL, KEPT: 1})
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out[:-1].isprintable() is KEPT.isprintable()
    assert CLEAR not in out and json.loads(out) == {"name": EVIL, KEPT: 1}


def test_csv_comes_back() -> None:
    rows = [["a,b", 'say "x"', "two\nlines"], ["", " ", "'"]]
    assert list(csv.reader(csv_text(rows).splitlines(keepends=True))) == rows


def test_nothing_else_prints() -> None:
    folder = Path(pocketvision.cli.__path__[0])
    found = {
        f"{file.name}: {ast.unparse(node)}"
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        if file.name != "text.py"
    }
    allowed = (
        "folders.py: print(f'\\r{done}/{len(items)} {printable(what)}', end=end, "
        "file=sys.stderr, flush=True)"
    )
    assert found == {allowed}


@pytest.fixture
def evil_record(record_values: Any) -> Any:
    """A record whose free texts clear the screen."""
    record = copy.deepcopy(record_values)
    for key in ("paper", "data", "licence", "teacher", "quantiser"):
        record[key] = f"{CLEAR}{key}"
    for entry in record["thresholds"]:
        entry["dataset"] = f"{CLEAR}faces"
    return record


def test_records_and_names_of_files(
    capsys: Any, make_model: Any, evil_record: Any, crops: Any, tmp_path: Path
) -> None:
    model = ["--model", str(make_model(RECORD=evil_record))]
    folder = tmp_path / "people"
    folder.mkdir()
    pictures = [str(folder / f"{CLEAR},a.npy"), str(folder / "\udcffb.npy")]
    for path, crop in zip(pictures, crops, strict=False):
        np.save(path, crop)
    out = str(tmp_path / f"{CLEAR}.pvdb")
    for arguments in (
        ["info", model[1]],
        ["embed", *pictures, *model],
        ["embed", *pictures, *model, "--out", str(tmp_path / f"{CLEAR}.npy")],
        ["verify", *pictures, *model],
    ):
        for form in ([], ["--json"]):
            assert main([*arguments, *form]) == 0
            text = capsys.readouterr().out
            assert "\x1b" not in text and "x1b[2J" in text or "u001b[2J" in text
    gallery = ["enrol", str(folder), "--gallery", out, "--allow-unreliable", *model]
    Path(pictures[1]).unlink()
    assert main(gallery) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "without control characters" in line
    assert not Path(out).exists()
    Path(pictures[0]).rename(folder / "a,b.npy")
    assert main(gallery) == 0
    assert capsys.readouterr().out.startswith('"a,b",')
    assert main(["embed", str(tmp_path / EVIL), *model]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "no such picture" in line
