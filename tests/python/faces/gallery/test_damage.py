"""Galleries on the disk: damage of every byte, keys, old copies, and what is forgotten is gone."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketvision import Gallery, InputError, Quality
from pocketvision.faces.gallery import database
from pocketvision.faces.gallery import key as keys

from .conftest import KEY

Faces = Callable[..., np.ndarray]


@pytest.fixture
def full(gallery: Gallery, faces: Faces) -> Gallery:
    """With people, one of them removed, an example and notes."""
    gallery.enrol("Ada", faces(1, 2), picture="a.jpg", quality=[Quality(70)] * 2)
    gallery.enrol("Grace", faces(2), quality=Quality(9, ("dark", "small")), allow_unreliable=True)
    gallery.enrol("Lise", faces(3))
    gallery.reject("Ada", faces(4))
    gallery.remove("Lise")
    gallery.close()
    return gallery


def state(path: Path, key: bytes | None) -> tuple:
    """All that a gallery holds."""
    now = Gallery.open(path, key=key)._now()
    return (
        *(now.model, now.uid, now.generation, now.last_person, now.names, now.gone, now.notes),
        *(array.tobytes() for array in (now.vectors, now.owners, now.against)),
    )


def test_every_flipped_byte(full: Gallery, key: bytes | None) -> None:
    """Encrypted, each is refused; in the clear, where it is not, nothing of the people changes."""
    data, wanted, passed = full.path.read_bytes(), state(full.path, key), 0
    random = np.random.default_rng(1)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= int(random.integers(1, 256))
        with open(full.path, "r+b") as file:  # in place, as a disk would
            file.seek(place)
            file.write(flipped[place : place + 1])
        try:
            assert state(full.path, key) == wanted
            passed += 1
        except InputError as error:
            assert str(error).startswith(f"{full.path}: is ") and len(str(error)) < 300
        with open(full.path, "r+b") as file:
            file.seek(place)
            file.write(data[place : place + 1])
    assert state(full.path, key) == wanted
    if key is not None:
        assert passed == 0
    else:  # what SQLite does not read: the rest of its pages, and its own counters
        used = len(database.unpack(data).vectors.tobytes())
        assert passed < len(data) - used


def test_every_shorter_file(full: Gallery, key: bytes | None) -> None:
    data = full.path.read_bytes()
    for length in [*range(0, len(data), 61), len(data) - 1]:
        full.path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"people\.pvdb: is "):
            state(full.path, key)
    full.path.write_bytes(data + b"\0" * (key is not None))
    if key is not None:
        with pytest.raises(InputError, match="is damaged: what is encrypted has been changed"):
            state(full.path, key)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM faces WHERE id = 1", "DELETE FROM people WHERE id = 2",
        "UPDATE faces SET person = 3 - person WHERE person < 3",
        "UPDATE people SET name = 'Eve' WHERE id = 1", "UPDATE people SET removed = 0",
        "UPDATE faces SET against = 0", "UPDATE faces SET quality = 100, reasons = ''",
        "UPDATE faces SET embedding = (SELECT embedding FROM faces WHERE id = 3) WHERE id = 1",
        "UPDATE gallery SET generation = 99", f"UPDATE gallery SET source_sha256 = '{'0' * 64}'",
        "UPDATE gallery SET model = 'other.v1'", "INSERT INTO people VALUES (9, 'Eve', 0)",
        "DELETE FROM gallery", "INSERT INTO gallery SELECT * FROM gallery", "DROP TABLE faces",
        "CREATE TABLE more (x)", "PRAGMA application_id = 1", "PRAGMA user_version = 2",
        "UPDATE faces SET embedding = 'text'", "UPDATE faces SET person = 'one'",
        "UPDATE gallery SET dimension = 'wide'", "UPDATE faces SET embedding = x'0000'",
        "CREATE VIEW v AS SELECT load_extension('x')", "UPDATE faces SET reasons = x'ff'",
        "CREATE TRIGGER t AFTER INSERT ON people BEGIN DELETE FROM faces; END",
    ],
)  # fmt: skip
def test_rows_that_were_changed_behind_its_back(
    path: Path, model_file: Path, faces: Faces, change: str
) -> None:
    gallery = Gallery.open(path, model=model_file)
    gallery.enrol("Ada", faces(1, 2))
    gallery.enrol("Grace", faces(2))
    gallery.reject("Ada", faces(4))
    gallery.remove("Grace")
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    for call in (gallery.people, lambda: state(path, None)):
        with pytest.raises(InputError, match=r"people\.pvdb: is "):
            call()


def test_a_right_checksum_does_not_help(path: Path, model_file: Path, faces: Faces) -> None:
    """Names for a terminal to obey, faces of nobody, numbers that are none."""
    gallery = Gallery.open(path, model=model_file)
    gallery.enrol("Ada", faces(1))
    now = gallery._now()
    from dataclasses import replace

    for change in (
        {"names": {1: "\x1b[2J"}}, {"names": {1: "Ada", 2: "Ada"}},
        {"owners": np.array([7])}, {"vectors": np.full((1, 128), np.nan, np.float32)},
    ):  # fmt: skip
        path.write_bytes(database.pack(replace(now, **change)))
        with pytest.raises(InputError, match=r"people\.pvdb: (is damaged|name: expected)"):
            gallery.people()


@pytest.mark.parametrize("content", [b"", b"PVSEALED", b"SQLite format 3\0", b"\xff" * 5000, b"x"])
def test_files_that_are_no_gallery(
    path: Path, model_file: Path, key: bytes | None, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"people\.pvdb: is "):
        Gallery.open(path, model=model_file, key=key)
    assert path.read_bytes() == content
    path.unlink()
    for make in (os.mkdir, os.mkfifo):
        make(path)
        with pytest.raises(InputError, match="is a (folder|device or pipe), and no gallery"):
            Gallery.open(path, model=model_file, key=key)
        path.rmdir() if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match="is a device or pipe, and no gallery"):
        Gallery.open("/dev/zero", key=key)


def test_keys_that_do_not_fit(path: Path, model_file: Path) -> None:
    pytest.importorskip("cryptography")
    Gallery.open(path, model=model_file, key=KEY)
    with pytest.raises(InputError, match="is encrypted; give its key"):
        Gallery.open(path)
    with pytest.raises(InputError, match="is encrypted with another key"):
        Gallery.open(path, key=b"\1" * 32)
    for wrong in (b"short", 3, [KEY], "no/such/file"):
        with pytest.raises((InputError, FileNotFoundError)) as caught:
            Gallery.open(path, key=wrong)
        assert "short" not in str(caught.value)
    plain = path.with_name("plain.pvdb")
    Gallery.open(plain, model=model_file)
    with pytest.raises(InputError, match="is not encrypted; open it without a key"):
        Gallery.open(plain, key=KEY)
    for file in (path, plain):
        assert KEY not in file.read_bytes()


def test_key_files(path: Path, model_file: Path, faces: Faces, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    file = tmp_path / "people.key"
    key = keys.new_key_file(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and keys.read_key_file(file) == key
    assert file.read_text() == f"{key.hex()}\n"
    with pytest.raises(FileExistsError, match=r"people\.key"):
        keys.new_key_file(file)
    Gallery.open(path, model=model_file, key=file).enrol("Ada", faces(1))
    assert "Ada" in Gallery.open(path, key=str(file)) and "Ada" in Gallery.open(path, key=key)
    file.chmod(0o640)
    with pytest.raises(
        InputError, match=r"others may read this key; type: chmod 600 .*people\.key"
    ):
        Gallery.open(path, key=file)
    file.chmod(0o600)
    for text in ("", "abc", key.hex()[:-1], key.hex() + "0", "g" * 64):
        file.write_text(text)
        with pytest.raises(InputError, match="expected a key of 64 hexadecimal") as caught:
            Gallery.open(path, key=file)
        assert not text or text not in str(caught.value).replace(str(file), "")


def test_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[tuple[str, str], str] = {}
    errors = SimpleNamespace(KeyringError=type("KeyringError", (Exception,), {}))
    ring = SimpleNamespace(
        errors=errors, get_password=lambda *names: kept.get(names),
        set_password=lambda service, name, text: kept.update({(service, name): text}),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    with pytest.raises(InputError, match="the keyring has no key 'door'; make one: pocketvision"):
        keys.keyring_key("door")
    key = keys.new_keyring_key("door")
    assert keys.keyring_key("door") == key and list(kept) == [("pocketvision", "door")]
    with pytest.raises(InputError, match="the keyring has a key 'door' already"):
        keys.new_keyring_key("door")

    def locked(*names: str) -> None:
        raise errors.KeyringError("locked")

    ring.get_password = locked
    for call in (keys.keyring_key, keys.new_keyring_key):
        with pytest.raises(InputError, match="keyring .*: locked"):
            call("door")


@pytest.mark.parametrize("name", ["cryptography", "keyring"])
def test_absent_packages_are_named(
    path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == name]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ModuleNotFoundError, match=r"pip install 'pocketvision\[gallery\]'"
    ) as caught:
        if name == "keyring":
            keys.keyring_key("door")
        Gallery.open(path, model=model_file, key=KEY)
    assert caught.value.name == name and not path.exists()


def test_an_old_copy_is_noticed_while_it_is_open(
    gallery: Gallery, key: bytes | None, faces: Faces, model_file: Path
) -> None:
    gallery.enrol("Ada", faces(1))
    old = gallery.path.read_bytes()
    gallery.enrol("Grace", faces(2))
    gallery.path.write_bytes(old)
    with pytest.raises(
        InputError, match="is older than what was read of it before .change 1 after"
    ):
        gallery.people()
    # Whoever opens it anew cannot know; who noted the generation can.
    assert Gallery.open(gallery.path, key=key).generation == 1
    gallery.path.unlink()
    Gallery.open(gallery.path, model=model_file, key=key)
    with pytest.raises(InputError, match="has become another gallery than the one that was opened"):
        gallery.people()


def stored(gallery: Gallery, name: str) -> list[bytes]:
    """The rows of a person as the file has them."""
    now = gallery._now()
    return [row.tobytes() for row in now.vectors[now.owners == now.find(name)]]


def traces(folder: Path, *needles: bytes) -> int:
    """How many of the eight bytes in a row of ``needles`` lie in a file of ``folder``."""
    content = b"".join(path.read_bytes() for path in folder.rglob("*"))
    return sum(
        needle[start : start + 8] in content
        for needle in needles
        for start in range(0, len(needle) - 7, 4)
    )


def test_what_is_forgotten_is_gone(path: Path, model_file: Path, faces: Faces) -> None:
    """No byte of a name, a template, a note or an example stays, in the file or beside it."""
    gallery = Gallery.open(path, model=model_file)
    for seed in range(2, 60):
        gallery.enrol(f"Person {seed}", faces(seed))
    gallery.enrol("Ada Lovelace", faces(1, 5), picture="portrait of the countess.jpg")
    gallery.reject("Ada Lovelace", faces(900))
    for seed in range(60, 120):
        gallery.enrol(f"Person {seed}", faces(seed))
    assert traces(path.parent, b"Ada Lovelace") == 2
    gallery.rename("Ada Lovelace", "A. Byron")
    assert traces(path.parent, b"Ada Lovelace") == 0  # a former name is gone at once
    needles = [*stored(gallery, "A. Byron"), b"A. Byron", b"portrait of the countess"]
    assert traces(path.parent, *needles) == 6 * 127 + 1 + 5
    # What a killed writer left goes too.
    left = path.with_name(f".people.pvdb.{'0' * 16}.partial")
    left.write_bytes(path.read_bytes())
    gallery.remove("A. Byron")
    assert gallery.forget("A. Byron") == 6
    assert traces(path.parent, *needles, "A. Byron".encode("utf-16-le")) == 0
    assert os.listdir(path.parent) == ["people.pvdb"] and len(gallery) == 118
    others = [row for seed in (2, 119) for row in stored(gallery, f"Person {seed}")]
    assert traces(path.parent, *others) == 2 * 127


def test_nothing_of_an_encrypted_gallery_can_be_read(
    path: Path, model_file: Path, faces: Faces
) -> None:
    pytest.importorskip("cryptography")
    gallery = Gallery.open(path, model=model_file, key=KEY)
    gallery.enrol("Ada Lovelace", faces(1, 3), picture="portrait.jpg")
    assert traces(path.parent, b"Ada Lovelace", *stored(gallery, "Ada Lovelace")) == 0
    content = path.read_bytes()
    assert b"portrait" not in content and b"SQLite" not in content and b"fixture" not in content
    before = content
    gallery.remove("Ada Lovelace")
    gallery.restore("Ada Lovelace")
    after = path.read_bytes()
    assert after[20:32] != before[20:32] and after[32:] != before[32:]  # a nonce is used once


def test_others_read_the_file_as_sqlite(path: Path, model_file: Path, faces: Faces) -> None:
    gallery = Gallery.open(path, model=model_file)
    gallery.enrol("Ada", faces(1), quality=Quality(33, ("small", "dark")), allow_unreliable=True)
    connection: Any = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT name, quality, reasons, embedding FROM faces JOIN people ON people.id = person"
    ).fetchall()
    assert [row[:3] for row in rows] == [("Ada", 33, "small\ndark")]
    unit = faces(1) / np.linalg.norm(faces(1).astype(float))
    np.testing.assert_allclose(np.frombuffer(rows[0][3], "<f4"), unit, atol=1e-6)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert json.dumps(connection.execute("SELECT model FROM gallery").fetchone()) == (
        '["fixture.sums.v1"]'
    )
    connection.close()
