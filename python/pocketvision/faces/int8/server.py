"""ServerGallery: int8 templates in PostgreSQL with pgvector, which many machines search."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import InputError, shown
from ...runtime.arrays import integer
from ..gallery.rows import model_of
from .connection import TURN, connect, reached
from .exact import SPARE, exact
from .probes import probes_of
from .tables import GALLERIES, make, named, told_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..embedder import Embedder

LOOKED_AT = 40, 1000
"""Least and most candidates of HNSW: its default, and the most that pgvector allows."""

INDEXED = 2000
"""Most values of a vector that pgvector indexes."""


class ServerGallery:
    """Templates in a database, searched by its server as :class:`Int8Gallery` does.

    Any number of processes on any machines may add and search at once: each change is one
    transaction, and additions to one gallery wait for each other. Without ``index()`` the server
    looks at every row, and the answers are those of Int8Gallery. Many threads may use one object,
    one at a time. Needs ``pip install 'pocketvision[server]'``.

    >>> gallery = ServerGallery("host=db dbname=faces", "staff", model=embedder)
    >>> gallery.add(embeddings, names)
    >>> rows, scores = gallery.search(embedding, k=5)
    >>> print(gallery.name(rows[0]), scores[0])

    Args:
        address: of the database as libpq takes it, ``host=... dbname=...`` or ``postgresql://...``.
        gallery: small letters, digits and ``_``, 40 at most; a database holds many.
        model: the embedder that makes the embeddings, or its name or path. A gallery that is not
            there is made for it; one of another model is refused. None: it must be there.

    Raises:
        InputError: for an address that libpq cannot read, no such gallery, another model's.
        ConnectionError: nobody answers at the address, or the server refuses.
        RunError: the server has no pgvector. ModuleNotFoundError: without psycopg or pgvector.
    """

    def __init__(
        self,
        address: str,
        gallery: str = "faces",
        *,
        model: str | os.PathLike[str] | Embedder | None = None,
    ) -> None:
        if not isinstance(gallery, str) or not re.fullmatch("[a-z][a-z0-9_]{0,39}", gallery):
            raise InputError(
                "gallery: expected 1 to 40 small letters, digits and _, a letter first, got "
                f"{shown(gallery)}"
            )
        wanted = None if model is None else model_of(model)[0]
        self.gallery = gallery
        self._address = address
        self._lock = threading.RLock()
        self._connection = connect(address)
        with self._transaction() as run:
            if wanted is not None:  # who makes it is alone; the others find it made
                run("SELECT pg_advisory_xact_lock(%s)", (TURN,))
            told = told_of(run, gallery)
            if told is None and wanted is not None:
                make(run, gallery, wanted)
                told = wanted.name, wanted.source_sha256, wanted.dimension
        if told is None:
            self.close()
            raise InputError(f"gallery: no {gallery!r} in this database; give model= to make it")
        name, self.source_sha256, self.dimension = told
        if wanted is not None and wanted.source_sha256 != self.source_sha256:
            self.close()
            raise InputError(
                f"gallery: {gallery!r} holds templates of {name} (source_sha256 "
                f"{self.source_sha256[:12]}...), not of {wanted.name} "
                f"({wanted.source_sha256[:12]}...), and the two do not compare. Give that model, "
                "or another gallery's name"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ServerGallery({self.gallery!r}, templates of {self.dimension} values)"

    def __len__(self) -> int:
        with self._transaction() as run:
            return self._count(run)

    def close(self) -> None:
        """End the connection; the next call makes a new one."""
        with self._lock:
            self._connection.close()

    def add(self, embeddings: ArrayLike, names: Sequence[str] | None = None) -> range:
        """Append rows, all or none, numbered on from those that were ever there.

        Args:
            embeddings: float (N, D) of the gallery's model, or int8 templates of this shape.
            names: one for each row, or None.

        Returns:
            The numbers of the new rows.

        Raises:
            InputError: another model's, another dimension, a row of zeros, wrong names.
            ConnectionError: the server has gone; then nothing was added.
        """
        new, _ = probes_of(embeddings, self.dimension, self.source_sha256)
        zero = np.flatnonzero(~new.any(axis=1))
        if zero.size:
            raise InputError(f"embeddings: row {zero[0]} is all zeros, which has no direction")
        if names is not None and (isinstance(names, str) or len(names) != len(new)):
            raise InputError(f"names: expected {len(new)}, one a row, got {shown(names)}")
        for name in names or ():
            if not isinstance(name, str) or "\0" in name:
                raise InputError(f"names: expected text without a zero byte, got {shown(name)}")
        with self._transaction() as run:
            # Locks the gallery's line until the end, so that numbers have no gaps.
            after = run(
                f"UPDATE {GALLERIES} SET next_row = next_row + %s, templates = templates + %s "
                "WHERE gallery = %s RETURNING next_row",
                (len(new), len(new), self.gallery),
            ).fetchone()
            if after is None:
                raise self._gone()
            rows = range(after[0] - len(new), after[0])
            with (
                self._connection.cursor() as cursor,
                cursor.copy(
                    self._sql("COPY {table} (row, name, template) FROM STDIN (FORMAT BINARY)")
                ) as copy,
            ):
                copy.set_types(["int8", "text", "vector"])
                called = [None] * len(new) if names is None else names
                for line in zip(rows, called, new.astype(np.float32), strict=True):
                    copy.write_row(line)
        return rows

    def remove(self, rows: Sequence[int]) -> int:
        """Delete rows for good; returns how many were there. Their numbers are not given again."""
        wanted = [integer("rows", row, "integers from 0", 0) for row in rows]
        with self._transaction() as run:
            # The same lock as of add(), taken first, or the two might wait for each other.
            run(f"SELECT 1 FROM {GALLERIES} WHERE gallery = %s FOR UPDATE", (self.gallery,))
            gone = run(self._sql("DELETE FROM {table} WHERE row = ANY(%s)"), (wanted,)).rowcount
            run(
                f"UPDATE {GALLERIES} SET templates = templates - %s WHERE gallery = %s",
                (gone, self.gallery),
            )
        return int(gone)

    def index(self, memory: int | None = None) -> None:
        """Have the server keep an index (HNSW): faster searches, which miss some, seldom.

        Building takes a minute for 100,000 rows, and additions wait for it; from then on everybody
        searches by it. A second call changes nothing.

        Args:
            memory: MiB that building may take (``maintenance_work_mem``); None: as the server is
                set. Where the index does not fit, building takes several times as long.

        Raises:
            InputError: templates of more than 2000 values, or no such memory.
        """
        if self.dimension > INDEXED:
            raise InputError(
                f"index: pgvector indexes at most {INDEXED} values, and these templates have "
                f"{self.dimension}; search without it"
            )
        given = None if memory is None else integer("memory", memory, "1 or more MiB", 1, 1 << 20)
        with self._transaction() as run:
            if given is not None:
                run("SELECT set_config('maintenance_work_mem', %s, true)", (f"{given}MB",))
            run(
                self._sql(
                    "CREATE INDEX IF NOT EXISTS {index} ON {table} "
                    "USING hnsw (template vector_cosine_ops)"
                )
            )

    def name(self, row: int) -> str:
        """Whose template a row is; InputError for a row that is not there or has no name."""
        wanted = integer("row", row, "an integer from 0", 0, (1 << 63) - 1)
        with self._transaction() as run:
            found = run(self._sql("SELECT name FROM {table} WHERE row = %s"), (wanted,)).fetchone()
        if found is None or found[0] is None:
            what = "no such row" if found is None else "this row was added without a name"
            raise InputError(f"name: {what} ({wanted}) in gallery {self.gallery!r}")
        return str(found[0])

    def search(self, embeddings: ArrayLike, k: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
        """The ``k`` templates that are most like each embedding, as of ``Int8Gallery.search``.

        The server orders by cosine; the scores of what it names are exact. One state of the
        gallery answers all embeddings of a call. Raises InputError as that does, ConnectionError.
        """
        probes, single = probes_of(embeddings, self.dimension, self.source_sha256)
        with self._transaction() as run:
            run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            size = self._count(run)
            count = integer("k", k, f"an integer from 1 to {size} (templates)", 1, size)
            wanted = min(size, count + SPARE)
            if self._indexed(run):
                least, most = LOOKED_AT
                looked = str(min(most, max(least, wanted)))
                run("SELECT set_config('hnsw.ef_search', %s, true)", (looked,))
                found = [self._nearest(run, probe, wanted, "") for probe in probes]
            else:
                found = [self._nearest(run, probe, wanted, ", row") for probe in probes]
            if any(len(rows) < count for rows, _ in found):
                # The index names too few where k is large: all rows are looked at.
                run("SET LOCAL enable_indexscan = off")
                found = [self._nearest(run, probe, wanted, ", row") for probe in probes]
        best = [
            exact(rows, stored, probe, count)
            for probe, (rows, stored) in zip(probes, found, strict=True)
        ]
        rows, cosines = np.stack([one[0] for one in best]), np.stack([one[1] for one in best])
        return (rows[0], cosines[0]) if single else (rows, cosines)

    def _nearest(
        self, run: Any, probe: NDArray[np.int8], count: int, then: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Candidates in the order of rows; an order by more than the cosine uses no index."""
        query = self._sql(
            f"SELECT row, template FROM {{table}} ORDER BY template <=> %b{then} LIMIT %b"
        )
        found = sorted(run(query, (probe.astype(np.float32), count), binary=True).fetchall())
        stored = np.stack([template.to_numpy() for _, template in found])
        return np.array([row for row, _ in found], np.int64), stored.astype(np.int8)

    def _count(self, run: Any) -> int:
        found = run(
            f"SELECT templates FROM {GALLERIES} WHERE gallery = %s", (self.gallery,)
        ).fetchone()
        if found is None:
            raise self._gone()
        return int(found[0])

    def _indexed(self, run: Any) -> bool:
        found = run("SELECT to_regclass(%s) IS NOT NULL", (f"gallery_{self.gallery}_hnsw",))
        return bool(found.fetchone()[0])

    def _gone(self) -> InputError:
        return InputError(f"gallery: {self.gallery!r} is no longer in this database; make it anew")

    def _sql(self, text: str) -> Any:
        return named(text, self.gallery)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """``execute`` of one transaction: all of it happens, or, where something raises, none."""
        with self._lock:
            if self._connection.closed:
                self._connection = connect(self._address)
            with reached(self._connection), self._connection.transaction():
                yield self._connection.execute
