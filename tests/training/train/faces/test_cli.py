"""``pocketvision train``: usage errors end with code 2 and name what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402


def test_a_recipe_that_is_not_there(tmp_path: Path, capsys) -> None:
    arguments = ["train", str(tmp_path / "no.toml"), "--out", str(tmp_path), "--data", "."]
    assert cli.main(arguments) == 2
    assert "no.toml" in capsys.readouterr().err


def test_no_data_folder(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("POCKETVISION_DATA", raising=False)
    assert cli.main(["train", "r.toml", "--out", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err


def test_a_recipe_with_an_unknown_key(tmp_path: Path, capsys) -> None:
    path = tmp_path / "r.toml"
    path.write_text("modle = 1\n")
    assert cli.main(["train", str(path), "--out", str(tmp_path), "--data", "."]) == 2
    assert "modle: no such key; known here: batch" in capsys.readouterr().err
