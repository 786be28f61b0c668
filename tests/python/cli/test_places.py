"""What verbs write and read: the form that a name asks for, private files, refusals in one line."""

from __future__ import annotations

import csv
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder
from pocketvision.cli import main

from .test_cli import error_of, json_of

EYES = "38.3,51.7,73.5,51.5,56.0,71.7,41.5,92.4,70.7,92.2"


@pytest.fixture
def picture(tmp_path: Path, crops: Any) -> str:
    """A crop whose name needs quotes in CSV."""
    path = tmp_path / 'a, "b".npy'
    np.save(path, crops[0])
    return str(path)


def test_the_suffix_chooses_the_form(
    capsys: Any, model_file: Path, picture: str, crops: Any, tmp_path: Path
) -> None:
    embed = ["embed", picture, "--model", str(model_file)]
    wanted = Embedder(model_file).embed(crops[0])[0]
    for name in ("v.csv", "V.CSV"):
        assert main([*embed, "--out", str(tmp_path / name)]) == 0
        printed = list(csv.reader(capsys.readouterr().out.splitlines()))
        assert printed == [[picture, "0"]]
        with (tmp_path / name).open(newline="") as file:
            ((path, face, *values),) = csv.reader(file)
        assert (path, face) == (picture, "0")
        np.testing.assert_array_equal(np.array(values, np.float32), wanted)
    assert main(embed) == 0  # the same without --out
    assert capsys.readouterr().out == (tmp_path / "v.csv").read_text()
    assert main([*embed, "--out", str(tmp_path / "v.npy")]) == 0
    capsys.readouterr()
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy")[0], wanted)
    for name in ("v.txt", "v", "v.npz", "csv"):
        error = error_of(capsys, 2, *embed, "--out", str(tmp_path / name))
        assert f"argument --out: {tmp_path / name}: expected a name that ends in .npy" in error
        assert not (tmp_path / name).exists()


def test_embeddings_and_galleries_are_private(
    model_file: Path, picture: str, tmp_path: Path
) -> None:
    model, people = ["--model", str(model_file)], str(tmp_path)
    out = tmp_path.with_name(f"{tmp_path.name}-out")
    before = os.umask(0o022)
    try:
        for name in ("v.npy", "v.csv"):
            assert main(["embed", picture, *model, "--out", str(out / name)]) == 0
        gallery = str(out / "g.pvdb")
        enrol = ["enrol", people, *model, "--gallery", gallery, "--allow-unreliable"]
        assert main(enrol) == 0
        assert main(["gallery", "export", gallery, "--out", str(out / "g.pvg")]) == 0
    finally:
        os.umask(before)
    assert len(list(out.iterdir())) == 4
    for path in out.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_devices_links_and_pipes(
    capsys: Any, model_file: Path, picture: str, tmp_path: Path
) -> None:
    embed = ["embed", picture, "--model", str(model_file), "--out"]
    assert "/dev/full: No space left" in error_of(capsys, 1, *embed, "/dev/full")
    assert main([*embed, "/dev/null"]) == 0
    assert all(stat.S_ISCHR(os.stat(f"/dev/{name}").st_mode) for name in ("null", "full"))
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.npy"
    link.symlink_to("real/v.npy")
    assert main([*embed, str(link)]) == 0
    assert link.is_symlink() and np.load(tmp_path / "real" / "v.npy").shape == (1, 128)
    command = [sys.executable, "-m", "pocketvision", *embed, "/dev/stdout"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.startswith(b"\x93NUMPY") and len(done.stdout) == 128 + 4 * 128


def npy(header: str) -> bytes:
    """A .npy file of a header alone."""
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        npy("(" * 9000),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000, 3)}\n"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2, 3)}\n"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1, 3)}\n") + bytes(24),
        npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1, 1, 3)}\n") + bytes(24),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}\n") + bytes(3),
        npy("{'descr': 5, 'fortran_order': 5, 'shape': 5}\n"),
        b"\x93NUMPY\x09\x00",
        b"PK\x03\x04",
        b"\x80\x02.",
    ],
)
def test_arrays_that_are_no_picture(
    capsys: Any, model_file: Path, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    error = error_of(capsys, 2, "embed", str(path), "--model", str(model_file))
    assert error.startswith(f"pocketvision: error: {path}: expected ")


@pytest.mark.parametrize("rows", [f"{'x' * 131073},{EYES}\n", f'"{"x" * 200000}', "a\0b,1\n"])
def test_landmarks_that_are_no_csv(
    capsys: Any, model_file: Path, picture: str, tmp_path: Path, rows: str
) -> None:
    listing = tmp_path / "faces.csv"
    listing.write_text(f"a.npy,{EYES}\n{rows}")
    error = error_of(
        capsys, 2, "embed", picture, "--model", str(model_file), "--landmarks", str(listing)
    )
    assert f"{listing}:2: " in error and len(error) < 400


def test_landmarks_with_quoted_names(
    capsys: Any, model_file: Path, picture: str, tmp_path: Path
) -> None:
    listing = tmp_path / "faces.csv"
    listing.write_text(f'"a, ""b"".npy",{EYES}\n')
    given = ["embed", picture, "--model", str(model_file), "--landmarks", str(listing)]
    assert len(json_of(capsys, *given)["faces"]) == 1
