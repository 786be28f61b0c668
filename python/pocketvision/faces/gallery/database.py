"""A gallery's contents as the bytes of an SQLite database, and back with all checks.

The database is made anew for each state, in memory: it holds no byte of what a gallery held before.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from typing import Any

import numpy as np

from ...errors import InputError
from .contents import Contents, Model, Note, checked_name

APPLICATION_ID = int.from_bytes(b"PVdb", "big")
VERSION = 1
"""Of the tables below, in ``user_version``."""

MAGIC = b"SQLite format 3\0"

TABLES = (
    "CREATE TABLE gallery (model TEXT, source_sha256 TEXT, dimension INTEGER, uid TEXT, "
    "generation INTEGER, last_person INTEGER, sha256 BLOB)",
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, removed INTEGER)",
    "CREATE TABLE faces (id INTEGER PRIMARY KEY, person INTEGER, against INTEGER, "
    "quality INTEGER, reasons TEXT, picture TEXT, embedding BLOB)",
)
"""``embedding``: little-endian float32. ``reasons``: a line each. ``sha256``: of all the rest."""


def pack(contents: Contents) -> bytes:
    """The database of these contents."""
    model = contents.model
    people = [
        (person, name, int(person in contents.gone)) for person, name in contents.names.items()
    ]
    faces = zip(
        contents.owners.tolist(),
        contents.against.tolist(),
        (note.quality for note in contents.notes),
        ("\n".join(note.reasons) for note in contents.notes),
        (note.picture for note in contents.notes),
        (row.tobytes() for row in contents.vectors.astype("<f4")),
        strict=True,
    )
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        # Else the unused part of a page is whatever this process had in that memory before.
        database.execute("PRAGMA secure_delete = ON")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("BEGIN")
        for table in TABLES:
            database.execute(table)
        database.execute(
            "INSERT INTO gallery VALUES (?, ?, ?, ?, ?, ?, ?)",
            (model.name, model.source_sha256, model.dimension, contents.uid, contents.generation,
             contents.last_person, _digest(contents)),
        )  # fmt: skip
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", people)
        database.executemany("INSERT INTO faces VALUES (NULL, ?, ?, ?, ?, ?, ?)", faces)
        database.execute("COMMIT")
        return database.serialize()


def unpack(data: bytes) -> Contents:
    """The inverse of ``pack``; InputError that says what is wrong, without the file's name."""
    if not data.startswith(MAGIC):
        raise InputError("is no gallery, or damaged")
    try:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
            database.deserialize(data)
            _check_form(database)
            contents = _read(database)
    except InputError:
        raise
    except Exception as error:
        # Whatever SQLite, Python and numpy say to damaged tables; never with a row's content.
        raise InputError(f"is damaged ({type(error).__name__})") from None
    return contents


def _check_form(database: sqlite3.Connection) -> None:
    if _value(database, "PRAGMA application_id") != APPLICATION_ID:
        raise InputError("is an SQLite database, but no gallery, or damaged")
    version = _value(database, "PRAGMA user_version")
    if version != VERSION:
        raise InputError(
            f"is a gallery of version {version}, and this pocketvision reads version {VERSION}; "
            "or it is damaged"
        )
    tables = [sql for (sql,) in database.execute("SELECT sql FROM sqlite_master ORDER BY rowid")]
    if tables != list(TABLES):
        raise InputError("is damaged: its tables are others")


def _value(database: sqlite3.Connection, query: str) -> Any:
    return database.execute(query).fetchone()[0]


def _read(database: sqlite3.Connection) -> Contents:
    ((name, source, wide, uid, generation, last, digest),) = database.execute(
        "SELECT * FROM gallery"
    )
    people = database.execute("SELECT id, name, removed FROM people ORDER BY id").fetchall()
    rows = database.execute(
        "SELECT person, against, quality, reasons, picture, embedding FROM faces ORDER BY id"
    ).fetchall()
    data = b"".join(row[5] for row in rows)
    contents = Contents(
        model=Model(name, source, wide),
        uid=uid,
        generation=generation,
        last_person=last,
        names={person: known for person, known, _ in people},
        gone=frozenset(person for person, _, gone in people if gone),
        vectors=np.frombuffer(data, "<f4").reshape(len(rows), wide).astype(np.float32),
        owners=np.array([row[0] for row in rows], np.int64),
        against=np.array([row[1] for row in rows], bool),
        notes=tuple(
            Note(row[2], tuple(row[3].split("\n")) if row[3] else (), row[4]) for row in rows
        ),
    )
    if digest != _digest(contents):
        raise InputError("is damaged: its checksum is another")
    # Whoever computes a checksum may still write what no gallery of ours holds.
    names = list(contents.names.values())
    if [checked_name(known) for known in names] != names or len(set(names)) != len(names):
        raise InputError("is damaged: its names are none of a gallery")
    if not np.isin(contents.owners, [*contents.names]).all():
        raise InputError("is damaged: a face is nobody's")
    if not np.isfinite(contents.vectors).all():
        raise InputError("is damaged: an embedding is none")
    return contents


def _digest(contents: Contents) -> bytes:
    """SHA-256 of all that is kept: what lies where, in which order, and whose it is."""
    model = contents.model
    words = [
        [model.name, model.source_sha256, model.dimension],
        [contents.uid, contents.generation, contents.last_person],
        sorted(contents.names.items()),
        sorted(contents.gone),
        contents.owners.tolist(),
        contents.against.tolist(),
        contents.notes,
    ]
    found = hashlib.sha256(json.dumps(words, separators=(",", ":")).encode())
    found.update(contents.vectors.astype("<f4").tobytes())
    return found.digest()
