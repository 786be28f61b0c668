"""Verbs that embed pictures: what they print, write and answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder
from pocketvision.cli import build_parser, main
from pocketvision.runtime.shipped import LOW_RESOLUTION_MODEL

from .test_cli import error_of, json_of

EYES = "38.3,51.7,73.5,51.5,56.0,71.7,41.5,92.4,70.7,92.2"


def test_embed(capsys: Any, model_file: Path, pictures: list[str], crops: Any) -> None:
    wanted = Embedder(model_file).embed(crops[:2])
    result = json_of(capsys, "embed", *pictures, "--model", str(model_file))
    assert result["model"] == "fixture.sums.v1" and result["dimension"] == 128
    np.testing.assert_array_equal(
        np.array([face["embedding"] for face in result["faces"]], np.float32), wanted
    )
    assert main(["embed", *pictures, "--model", str(model_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[:2] for line in lines] == [[path, "0"] for path in pictures]
    np.testing.assert_allclose(np.array(lines[1].split(",")[2:], float), wanted[1], atol=1e-6)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_embed_a_folder_and_go_on_behind_bad_pictures(
    capsys: Any, model_file: Path, tmp_path: Path, crops: Any, threads: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for index in (1, 3):
        np.save(folder / f"{index}.npy", crops[index])
    np.save(folder / "2.npy", crops[2][:50])
    (folder / "4.txt").write_text("notes")
    (folder / ".hidden.npy").write_text("x")
    embed = ["embed", str(folder), "--model", str(model_file), "--threads", threads]
    assert main(embed) == 2
    assert "2.npy: no face found in 112 x 50 pixels" in capsys.readouterr().err
    assert main([*embed, "--skip-bad", "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [Path(face["picture"]).name for face in found["faces"]] == ["1.npy", "3.npy"]
    assert [Path(item["path"]).name for item in found["skipped"]] == ["4.txt", "2.npy"]
    assert "not read: 1" in captured.err and "skipped 1 that cannot be used:" in captured.err
    (folder / "1.npy").unlink()
    (folder / "3.npy").unlink()
    assert main([*embed, "--skip-bad"]) == 2
    assert "no picture could be used" in capsys.readouterr().err


def test_embed_on_threads(capsys: Any, model_file: Path, pictures: list[str]) -> None:
    arguments = ["--model", str(model_file)]
    one = json_of(capsys, "embed", *pictures, *pictures, *arguments)
    assert json_of(capsys, "embed", *pictures, *pictures, *arguments, "--threads", "3") == one
    first = json_of(capsys, "embed", pictures[0], *arguments, "--threads", "2")
    assert first["faces"] == one["faces"][:1]
    refused = error_of(capsys, 2, "embed", *pictures, *arguments, "--threads", "0")
    assert "threads: expected an integer from 1 to 256, got 0" in refused
    absent = [pictures[0], "no-1.png", "no-2.png", pictures[1], *arguments]
    assert "no-1.png: no such picture" in error_of(capsys, 2, "embed", *absent, "--threads", "2")


def test_embed_into_a_file(
    capsys: Any, model_file: Path, pictures: list[str], crops: Any, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "vectors.npy"
    result = json_of(capsys, "embed", *pictures, "--model", str(model_file), "--out", str(out))
    assert result["out"] == str(out) and "embedding" not in result["faces"][0]
    np.testing.assert_array_equal(np.load(out), Embedder(model_file).embed(crops[:2]))
    assert [path.name for path in out.parent.iterdir()] == ["vectors.npy"]


def test_embed_with_landmarks(
    capsys: Any, model_file: Path, pictures: list[str], tmp_path: Path
) -> None:
    listing = tmp_path / "faces.csv"
    listing.write_text(f"a.npy,{EYES}\n\na.npy,{EYES}\n{pictures[1]},{EYES}\n")
    arguments = ["--model", str(model_file), "--landmarks", str(listing)]
    result = json_of(capsys, "embed", *pictures, *arguments)
    assert [face["face"] for face in result["faces"]] == [0, 1, 0]
    assert "got 2 faces" in error_of(capsys, 2, "verify", *pictures, *arguments)
    listing.write_text(f"a.npy,{EYES}\n")
    error = error_of(capsys, 2, "embed", pictures[1], *arguments)
    assert "no line for this picture; it names a.npy" in error
    listing.write_text(f"\ufeff./a.npy,{EYES}\n")  # as a spreadsheet writes it
    assert len(json_of(capsys, "embed", pictures[0], *arguments)["faces"]) == 1
    listing.write_bytes(b"\x89PNG")
    assert "faces.csv: expected a CSV file" in error_of(capsys, 2, "embed", *pictures, *arguments)
    listing.write_text("a.npy,1,2,three\n")
    assert "faces.csv:1: expected picture,x1" in error_of(capsys, 2, "embed", *pictures, *arguments)


def test_verify_for_scripts(
    capsys: Any, model_file: Path, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(pair: list[str]) -> tuple[int, str]:
        code = main(["verify", *pair, "--model", str(model_file), "--exit-code"])
        return code, capsys.readouterr().out

    code, said = verify(pictures)  # they are noise
    assert code == 4 and "; not reliable: first face: " in said
    result = json_of(capsys, "verify", *pictures, "--model", str(model_file))
    assert result["reliable"] is False and result["quality"]["reasons"]
    monkeypatch.setattr("pocketvision.cli.photos.measurable", lambda _: False)
    for pair, wanted in ((pictures, 3), ([pictures[0], pictures[0]], 0)):
        code, said = verify(pair)
        assert code == wanted and "not reliable" not in said
        assert said.startswith("same person" if code == 0 else "different people")
        assert main(["verify", *pair, "--model", str(model_file)]) == 0
        assert capsys.readouterr().out == said


def test_verify(capsys: Any, model_file: Path, pictures: list[str]) -> None:
    model = ["--model", str(model_file)]
    same = json_of(capsys, "verify", pictures[0], pictures[0], *model)
    assert same["same"] is True and same["threshold"] == 0.25 and same["dataset"] == "noise"
    other = json_of(capsys, "verify", *pictures, *model, "--far", "0.001")
    assert other["same"] is (other["score"] >= 0.5) and other["far"] == 0.001
    assert main(["verify", *pictures, *model]) == 0
    assert "fixture.sums.v1" in capsys.readouterr().out
    assert "calibrated: 0.01" in error_of(capsys, 2, "verify", *pictures, *model, "--far", "0.5")


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "a", "b"], ["identify", "known", "a"], ["embed", "a"],
        ["enrol", "a", "--gallery", "g"],
    ],
    ids=lambda words: str(words[0]),
)  # fmt: skip
def test_low_resolution_names_a_model(capsys: Any, words: list[str]) -> None:
    parser = build_parser()
    assert parser.parse_args([*words, "--low-resolution"]).model == LOW_RESOLUTION_MODEL
    assert parser.parse_args(words).model is None
    with pytest.raises(SystemExit):
        parser.parse_args([*words, "--low-resolution", "--model", "x"])
    assert "not allowed with argument --low-resolution" in capsys.readouterr().err
