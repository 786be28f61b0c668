"""The verbs of galleries through the command line: enrol, identify, gallery and its actions."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, Gallery
from pocketvision.cli import main
from pocketvision.faces.gallery import enrolling, search
from pocketvision.faces.gallery.firmware import FirmwareGallery, templates
from pocketvision.faces.open_set import OpenSet

THRESHOLD = 0.99
"""Of the fixture's network, to which all noise is much alike."""


@pytest.fixture(autouse=True)
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(record: object, fpir: float, size: int, people: int) -> OpenSet:
        return OpenSet(THRESHOLD, fpir, (fpir / 2, fpir * 2), size, people, "noise")

    monkeypatch.setattr(search, "open_set", judge)
    monkeypatch.setattr(enrolling, "open_set", judge)


@pytest.fixture
def place(
    tmp_path: Path, crops: np.ndarray, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """``people/`` with three people and what is no picture, ``unknown/`` with one of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("people/Ada Lovelace", "people/nobody", "people/.cache", "unknown"):
        (tmp_path / name).mkdir(parents=True)
    for name, crop in zip(
        ["people/Ada Lovelace/2", "people/Ada Lovelace/1", "people/Grace, H.", "people/Lise",
         "unknown/stranger"], crops, strict=False,
    ):  # fmt: skip
        np.save(f"{name}.npy", crop)
    shutil.copy("people/Lise.npy", "unknown/someone.npy")
    Path("people/.hidden.npy").write_text("x")
    Path("people/notes.txt").write_text("x")
    return tmp_path


@pytest.fixture
def model(model_file: Path) -> list[str]:
    return ["--model", str(model_file)]


def said(capsys: Any, code: int, *arguments: str) -> tuple[str, str]:
    """Runs a verb, which must end with this code: stdout and stderr. Pictures here are noise."""
    capsys.readouterr()
    noise = ["--allow-unreliable"] if arguments[0] in ("enrol", "identify") else []
    try:
        found = main([*arguments, *noise])
    except SystemExit as error:
        found = error.code
    text = capsys.readouterr()
    assert found == code, text.err
    return text.out, text.err


def value(capsys: Any, *arguments: str) -> Any:
    return json.loads(said(capsys, 0, *arguments, "--json")[0])


def names(capsys: Any, *more: str) -> list[str]:
    return [
        person["name"] for person in value(capsys, "gallery", "list", "g.pvdb", *more)["people"]
    ]


def test_enrol(capsys: Any, place: Path, model: list[str]) -> None:
    out, error = said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    assert list(csv.reader(io.StringIO(out))) == [
        ["Ada Lovelace", "people/Ada Lovelace/1.npy", "added"],
        ["Ada Lovelace", "people/Ada Lovelace/2.npy", "added"],
        ["Grace, H.", "people/Grace, H..npy", "added"],
        ["Lise", "people/Lise.npy", "added"],
    ]
    assert "people/nobody: a folder without pictures" in error and "notes.txt" in error
    assert "hidden" not in error and "cache" not in error
    assert stat.S_IMODE(os.stat("g.pvdb").st_mode) == 0o600
    again = value(capsys, "enrol", "people", "--gallery", "g.pvdb", *model)
    assert {row["state"] for row in again["enrolled"]} == {"already there"}
    assert [again["people"], again["templates"], again["gallery"]] == [3, 4, "g.pvdb"]
    assert len(again["skipped"]) == 2 and again["model"] == "fixture.sums.v1"
    np.save("Mary.npy", np.zeros((112, 112, 3), np.uint8) + np.arange(112, dtype=np.uint8)[:, None])
    said(capsys, 0, "enrol", "Mary.npy", "--gallery", "g.pvdb", *model)
    assert names(capsys) == ["Ada Lovelace", "Grace, H.", "Lise", "Mary"]
    one = value(capsys, "enrol", "unknown", "--name", "Two", "--gallery", "t.pvdb", *model)
    assert [row["name"] for row in one["enrolled"]] == ["Two", "Two"]
    with Gallery.open("g.pvdb") as gallery, Embedder(model[1]) as embedder:
        wanted = embedder.embed([np.load("Mary.npy")])[0]
        assert gallery.identify(wanted).name == "Mary"


def test_enrol_refuses_as_a_whole(capsys: Any, place: Path, model: list[str]) -> None:
    enrol = ["enrol", "people", "--gallery", "g.pvdb", *model]
    shutil.copy("people/Lise.npy", "people/Meitner.npy")
    error = said(capsys, 2, *enrol)[1]
    assert "people/Meitner.npy: Meitner: the picture is one of 'Lise', who is enrolled" in error
    assert not Path("g.pvdb").exists()
    out, error = said(capsys, 1, *enrol, "--skip-bad")
    assert "skipped 1 that cannot be used:\n  people/Meitner.npy: Meitner: the picture" in error
    assert names(capsys) == ["Ada Lovelace", "Grace, H.", "Lise"]
    out, _ = said(capsys, 0, *enrol, "--allow-duplicate")
    assert 'people/Meitner.npy,"added, like Lise (1.000)"' in out
    before = Path("g.pvdb").read_bytes()
    Path("people/Zoe.npy").write_text("no array")
    np.save("people/Bob.npy", np.load("unknown/stranger.npy"))
    error = said(capsys, 2, *enrol, "--allow-duplicate")[1]
    assert "error: people/Zoe.npy: " in error
    assert Path("g.pvdb").read_bytes() == before
    result = json.loads(said(capsys, 1, *enrol, "--skip-bad", "--json")[0])
    assert "people/Zoe.npy" in [item["path"] for item in result["skipped"]]
    assert "Bob" in names(capsys)
    Path("only").mkdir()
    Path("only/bad.npy").write_text("x")
    error = said(capsys, 2, "enrol", "only", "--gallery", "n.pvdb", "--skip-bad", *model)[1]
    assert "no picture could be used" in error and not Path("n.pvdb").exists()
    for words, text in (
        (["enrol", "none", "--gallery", "g.pvdb"], "none: no such picture or folder"),
        (["enrol", "people"], "--gallery"),
        (["enrol", "people", "--gallery", "."], ". is a folder; name a file in it"),
        (["enrol", "people", "--gallery", "people/notes.txt"], "notes.txt: is no gallery"),
        (
            ["enrol", "unknown", "--gallery", "g.pvdb", "--name", " x", *model],
            "without spaces around",
        ),
        (["enrol", "people", "--gallery", "g.pvdb"], "is a gallery of fixture.sums.v1, and"),
    ):
        assert text in said(capsys, 2, *words)[1]
    error = said(capsys, 2, "enrol", "people", "--gallery", "g.pvdb", "--model", "no-such")[1]
    assert "no shipped model is named 'no-such'" in error


def test_quality_is_asked_for(capsys: Any, place: Path, model: list[str]) -> None:
    enrol = ["enrol", "people", "--gallery", "g.pvdb", *model]
    assert main(enrol) == 2
    error = capsys.readouterr().err
    assert "1.npy: Ada Lovelace: not enrolled, as it is of too low quality (" in error
    assert "leave it out (--skip-bad), or allow it (allow_unreliable=True, --allow" in error
    assert not Path("g.pvdb").exists()
    assert main([*enrol, "--skip-bad"]) == 2
    assert "skipped 4 that cannot be used" in capsys.readouterr().err
    said(capsys, 0, *enrol)
    listed = value(capsys, "gallery", "list", "g.pvdb")["people"]
    assert [person["unreliable"] for person in listed] == [2, 1, 1]
    face = value(capsys, "identify", "g.pvdb", "unknown/someone.npy", *model)["faces"][0]
    assert face["name"] == "Lise" and face["reliable"] is False and face["quality"] < 50
    assert face["reasons"] and any(why.startswith("the enrolled face") for why in face["reasons"])


def test_threads(capsys: Any, place: Path, model: list[str]) -> None:
    one = value(capsys, "enrol", "people", "--gallery", "g.pvdb", *model)
    two = value(capsys, "enrol", "people", "--gallery", "h.pvdb", "--threads", "2", *model)
    assert one["enrolled"] == two["enrolled"]
    Path("unknown/a.npy").write_text("x")
    found = [
        said(capsys, 1, "identify", "g.pvdb", "unknown", "--skip-bad", "--threads", str(n), *model)
        for n in (1, 3)
    ]
    assert found[0] == found[1]
    assert "threads: expected" in said(
        capsys, 2, "identify", "g.pvdb", "unknown", "--threads", "0", *model
    )[1]  # fmt: skip


@pytest.mark.parametrize("known", ["g.pvdb", "people"])
def test_identify(capsys: Any, place: Path, model: list[str], known: str) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    out, error = said(capsys, 0, "identify", known, "unknown", "people/Grace, H..npy", *model)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(Path(row["picture"]).stem, row["name"], row["face"]) for row in rows] == [
        ("someone", "Lise", "0"), ("stranger", "", "0"), ("Grace, H.", "Grace, H.", "0"),
    ]  # fmt: skip
    assert rows[0]["score"] == "1" and rows[0]["nearest"] == "Lise" and rows[0]["fpir"] == "0.01"
    assert all(row["threshold"] == f"{THRESHOLD:g}" and row["runner_up"] for row in rows)
    assert float(rows[1]["score"]) < THRESHOLD and '"people/Grace, H..npy"' in out
    assert ("notes.txt" in error) == (known == "people")
    result = value(capsys, "identify", known, "unknown", "--fpir", "0.001", *model)
    face = result["faces"][0]
    assert [face["name"], face["fpir"], face["interval"]] == ["Lise", 0.001, [0.0005, 0.002]]
    assert [result["people"], result["gallery"], face["size"]] == [3, known, 4]
    out = said(capsys, 0, "identify", known, "unknown", "--threshold", "0.1", *model)[0]
    assert list(csv.DictReader(io.StringIO(out)))[1]["name"] != ""
    assert "so its rate is unknown" in out

    Path("unknown/a.npy").write_text("x")
    assert "unknown/a.npy: expected" in said(capsys, 2, "identify", known, "unknown", *model)[1]
    out, error = said(capsys, 1, "identify", known, "unknown", "--skip-bad", *model)
    assert len(out.splitlines()) == 3 and "skipped 1 that cannot be used" in error
    assert len(os.listdir()) == 3


def test_identify_refuses(
    capsys: Any, place: Path, model: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    for words, text in (
        (["g.pvdb", "none"], "none: no such picture or folder"),
        (["none.pvdb", "unknown"], "none.pvdb: No such file"),
        (["unknown/someone.npy", "unknown"], "someone.npy: is no gallery, or damaged"),
        (["g.pvdb", "unknown", "--fpir", "2"], "fpir: expected a number from 0 to 1"),
        (["g.pvdb", "unknown", "--fpir", "often"], "often"),
        (["people", "unknown", "--key-file", "k"], "people: is a folder, which has no key"),
        (["g.pvdb"], "UNKNOWN"),
    ):
        out, error = said(capsys, 2, "identify", *words, *model)
        assert text in error and out == ""
    monkeypatch.undo()
    monkeypatch.chdir(place)
    error = said(capsys, 2, "identify", "g.pvdb", "unknown", *model)[1]
    assert "is not calibrated for identification" in error and "pocketvision calibrate" in error


def test_several_faces_a_picture(capsys: Any, place: Path, model: list[str]) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    np.save("group.npy", np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8))
    points = np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]])
    Path("l.csv").write_text(
        "".join(f"group.npy,{','.join(map(str, (points + step).ravel()))}\n" for step in (0, 99))
    )
    options = ["--landmarks", "l.csv", *model]
    out = said(capsys, 0, "identify", "g.pvdb", "group.npy", *options)[0]
    assert [row["face"] for row in csv.DictReader(io.StringIO(out))] == ["0", "1"]
    error = said(capsys, 2, "enrol", "group.npy", "--gallery", "g.pvdb", *options)[1]
    assert "group.npy: expected landmarks of one face, got 2 faces" in error


def test_gallery_actions(capsys: Any, place: Path, model: list[str]) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    out = said(capsys, 0, "gallery", "list", "g.pvdb")[0]
    assert out.startswith(
        "g.pvdb: 3 people, 4 templates of fixture.sums.v1, not encrypted, change 1"
    )
    out = said(capsys, 0, "gallery", "rename", "g.pvdb", "Lise", "Lise Meitner")[0]
    assert out == "Lise: renamed to Lise Meitner; 3 people, 4 templates are there\n"
    out = said(capsys, 0, "gallery", "remove", "g.pvdb", "Lise Meitner", "Grace, H.")[0]
    assert "marked as removed; 1 people, 2 templates" in out and names(capsys) == ["Ada Lovelace"]
    assert len(names(capsys, "--removed")) == 3
    assert "  removed\n" in said(capsys, 0, "gallery", "list", "g.pvdb", "--removed")[0]
    done = value(capsys, "gallery", "restore", "g.pvdb", "Lise Meitner")
    assert done == {"action": "restore", "names": ["Lise Meitner"], "to": None, "people": 2,
                    "templates": 3}  # fmt: skip
    # All names or none.
    error = said(capsys, 2, "gallery", "forget", "g.pvdb", "Lise Meitner", "Nobody")[1]
    assert "nobody in this gallery is called 'Nobody'" in error and len(names(capsys)) == 2
    done = value(capsys, "gallery", "merge", "g.pvdb", "Lise Meitner", "Ada Lovelace")
    assert [done["to"], done["people"], done["templates"]] == ["Ada Lovelace", 1, 3]
    said(capsys, 0, "gallery", "forget", "g.pvdb", "Grace, H.", "Ada Lovelace")
    content = Path("g.pvdb").read_bytes()
    assert b"Grace" not in content and b"Ada" not in content and names(capsys) == []
    for words, text in (
        (["gallery"], "ACTION"), (["gallery", "paint", "g.pvdb"], "paint"),
        (["gallery", "list"], "FILE"), (["gallery", "list", "none"], "none: No such file"),
        (["gallery", "list", "people"], "people: is a folder, and no gallery"),
        (["gallery", "rename", "g.pvdb", "a"], "NEW"), (["gallery", "forget", "g.pvdb"], "NAME"),
    ):  # fmt: skip
        assert text in said(capsys, 2, *words)[1]


def test_reject(capsys: Any, place: Path, model: list[str]) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    identify = ["identify", "g.pvdb", "unknown/stranger.npy", "--threshold", "0.1", *model]
    reject = ["gallery", "reject", "g.pvdb"]
    before = value(capsys, *identify)["faces"][0]
    out = said(capsys, 0, *reject, before["name"], "unknown/stranger.npy", *model)[0]
    assert out == f"{before['name']}: 1 new examples of who is not meant\n"
    after = value(capsys, *identify)["faces"][0]
    assert after["ruled_out"] == [before["name"]] and after["nearest"] == before["runner_up"]
    again = value(capsys, *reject, before["name"], "unknown/stranger.npy", *model)
    assert again == {"name": before["name"], "added": 0}
    error = said(capsys, 2, *reject, "Lise", "unknown/someone.npy", *model)[1]
    assert "embedding: is a template of 'Lise'" in error
    assert "none.npy" in said(capsys, 2, *reject, "Lise", "none.npy", *model)[1]


def test_export(capsys: Any, place: Path, crops: Any, model: list[str]) -> None:
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    out = said(capsys, 0, "gallery", "export", "g.pvdb", "--out", "out/p.pvg")[0]
    assert out.startswith("out/p.pvg: 4 templates of 3 people, 704 bytes")
    found = FirmwareGallery.from_bytes(Path("out/p.pvg").read_bytes())
    assert found.names == ["Ada Lovelace"] * 2 + ["Grace, H.", "Lise"]
    with Embedder(model[1]) as embedder:
        wanted = templates(embedder.embed(crops[[1, 0, 2, 3]]))
        assert found.source_sha256 == embedder.model.source_sha256
    np.testing.assert_array_equal(found.templates, wanted)
    assert stat.S_IMODE(os.stat("out/p.pvg").st_mode) == 0o600
    few = value(capsys, "gallery", "export", "g.pvdb", "--out", "p.pvg", "--per-person", "1")
    assert few == {"out": "p.pvg", "bytes": 544, "entries": 3, "people": 3,
                   "model": "fixture.sums.v1"}  # fmt: skip
    export = ["gallery", "export", "g.pvdb", "--out", "p.pvg"]
    assert "there is room for 3" in said(capsys, 2, *export, "--most", "3")[1]
    assert "per_person: expected a positive" in said(capsys, 2, *export, "--per-person", "0")[1]
    said(capsys, 0, "gallery", "rename", "g.pvdb", "Lise", "x" * 40)
    assert f"longer are '{'x' * 40}'; rename" in said(capsys, 2, *export)[1]
    assert "is a folder; name a file" in said(capsys, 2, *export[:-1], ".")[1]


def test_encrypted(capsys: Any, place: Path, model: list[str]) -> None:
    pytest.importorskip("cryptography")
    assert said(capsys, 0, "gallery", "key", "k")[0].startswith("k: a new key. Keep a copy")
    assert "k: File exists" in said(capsys, 2, "gallery", "key", "k")[1]
    key = ["--key-file", "k"]
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model, *key)
    said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model, *key)
    assert b"Lise" not in Path("g.pvdb").read_bytes() and len(names(capsys, *key)) == 3
    out = said(capsys, 0, "identify", "g.pvdb", "unknown", *model, *key)[0]
    assert "unknown/someone.npy,0,Lise,Lise,1," in out
    for words in (["gallery", "list", "g.pvdb"], ["identify", "g.pvdb", "unknown", *model],
                  ["enrol", "people", "--gallery", "g.pvdb", *model]):  # fmt: skip
        assert "g.pvdb: is encrypted; give its key" in said(capsys, 2, *words)[1]
    # A new key, and none.
    said(capsys, 0, "gallery", "key", "new", "--json")
    copy = ["gallery", "copy", "g.pvdb", "new.pvdb", *key, "--new-key-file", "new"]
    assert "new.pvdb: a copy, encrypted" in said(capsys, 0, *copy)[0]
    assert "new.pvdb: File exists" in said(capsys, 2, *copy)[1]
    error = said(capsys, 2, "gallery", "list", "new.pvdb", *key)[1]
    assert "new.pvdb: is encrypted with another key, or damaged" in error
    new = ["--key-file", "new"]
    done = value(capsys, "gallery", "copy", "new.pvdb", "same.pvdb", *new)
    assert done == {"out": "same.pvdb", "encrypted": True}
    said(capsys, 0, "gallery", "list", "same.pvdb", *new)
    done = value(capsys, "gallery", "copy", "new.pvdb", "plain.pvdb", *new, "--no-key")
    assert done == {"out": "plain.pvdb", "encrypted": False}
    said(capsys, 0, "gallery", "list", "plain.pvdb")
    error = said(capsys, 2, "gallery", "list", "plain.pvdb", *key)[1]
    assert "plain.pvdb: is not encrypted; open it without a key" in error
    os.chmod("k", 0o644)
    error = said(capsys, 2, "gallery", "list", "g.pvdb", *key)[1]
    assert "k: others may read this key; type: chmod 600 k" in error
    assert "expected a FILE for the key, or --keyring" in said(capsys, 2, "gallery", "key")[1]
    assert "not allowed with" in said(
        capsys, 2, "gallery", "list", "g.pvdb", *key, "--keyring", "door"
    )[1]  # fmt: skip


def test_an_absent_package_is_named(
    capsys: Any, place: Path, model: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, 0, "gallery", "key", "k")
    for module in [m for m in sys.modules if m.partition(".")[0] in ("cryptography", "keyring")]:
        monkeypatch.setitem(sys.modules, module, None)
    for name in ("cryptography", "keyring"):
        monkeypatch.setitem(sys.modules, name, None)
    error = said(capsys, 1, "enrol", "people", "--gallery", "g.pvdb", *model, "--key-file", "k")[1]
    assert "cryptography is not installed. Type: pip install 'pocketvision[gallery]'" in error
    error = said(capsys, 1, "gallery", "key", "--keyring", "door")[1]
    assert "keyring is not installed. Type: pip install 'pocketvision[gallery]'" in error


def test_names_of_files_cannot_act_on_the_terminal(
    capsys: Any, place: Path, crops: Any, model: list[str]
) -> None:
    np.save("people/\u202eevil.npy", crops[5])
    np.save("unknown/\x1b[2J.npy", crops[6])
    out, _ = said(capsys, 0, "enrol", "people", "--gallery", "g.pvdb", *model)
    out += said(capsys, 0, "gallery", "list", "g.pvdb")[0]
    out += said(capsys, 0, "identify", "g.pvdb", "unknown", *model)[0]
    assert "\x1b" not in out and "\u202e" not in out and "\\u202eevil" in out
    np.save("people/\x1b[2J.npy", crops[6])
    error = said(capsys, 2, "enrol", "people", "--gallery", "g.pvdb", *model)[1]
    assert "expected one line without control characters" in error and "\x1b" not in error


def test_as_a_program(place: Path, model: list[str]) -> None:
    """Processes of their own, and progress that only a terminal gets."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pocketvision", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("enrol", "people", "--gallery", "g.pvdb", "--allow-unreliable", *model)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 4 and "\r" not in done.stderr
    done = run("identify", "g.pvdb", "unknown", "--threshold", "0.999", *model)
    assert done.returncode == 0 and "unknown/someone.npy,0,Lise,Lise,1,0.999," in done.stdout
    done = run("gallery", "forget", "g.pvdb", "Lise")
    assert done.returncode == 0 and done.stdout.startswith("Lise: forgotten; 2 people")
    assert run("gallery", "list", "g.pvdb", "--json").stdout.count("templates") == 3


def test_progress_on_a_terminal(place: Path, model: list[str]) -> None:
    import pty

    ours, theirs = pty.openpty()
    words = ["enrol", "people", "--gallery", "g.pvdb", "--allow-unreliable", *model]
    command = [sys.executable, "-m", "pocketvision", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    text = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "\r4/4 pictures\r\n" in text and len(done.stdout.splitlines()) == 4
    ours, theirs = pty.openpty()
    command[3:] = ["identify", "g.pvdb", "unknown", "--threshold", "0.9", *model]
    subprocess.run(command, stdout=theirs, stderr=theirs, check=True)
    os.close(theirs)
    text = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "\r2/2 pictures\r\npicture,face,name," in text and "unknown/someone.npy,0,Lise," in text
