"""The gallery on a host: enrol people in one file, and find out whose face another one is."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ...errors import InputError, shown
from ...record import Record
from ..embedder import Embedder
from .answer import Person
from .contents import Contents, Model, Note, checked_name
from .file import GalleryFile, Memory
from .rows import model_of, rows_of
from .search import Index, identify

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike

    from .enrolling import Enrolment
    from .firmware import FirmwareGallery

T = TypeVar("T")


class Same(Enum):
    """The key that a gallery has already."""

    KEY = "the gallery's own"


class Gallery:
    """Enrolled people in one file; made by :meth:`open`. May be used from many threads.

    Every change is on the disk when its call returns, whole or not at all, and is seen by other
    processes that have the file open, at their next call. ``with`` lets the file go at the end.
    """

    def __init__(self, file: GalleryFile | Memory, record: Record | None) -> None:
        self._file = file
        self._record = record
        self._lock = threading.RLock()
        self._batch: Contents | None = None
        self._indexed: tuple[Contents, Index] | None = None
        self._closed = False
        with self._lock:
            self._file.read()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        model: str | os.PathLike[str] | Embedder | None = None,
        key: bytes | str | os.PathLike[str] | None = None,
        create: bool = True,
    ) -> Self:
        """Open a gallery, or make an empty one.

        Args:
            path: of the file, such as ``people.pvdb``; a new one has mode 0600.
            model: the embedder that makes the embeddings, or its name or path. A new gallery needs
                it; for one that is there it must be the model that the gallery was made for, and
                its record brings the thresholds.
            key: 32 bytes, or the path of a key file: the gallery is encrypted with it.
            create: whether a file that is not there is made.

        Raises:
            InputError: a damaged file, one of another model, a key that is wrong or missing, or
                given for a file that is not encrypted.
            FileNotFoundError: no such file and not ``create``.
        """
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise InputError(f"path: expected the name of a file, got {shown(path)}")
        place, known = os.fspath(path), None if model is None else model_of(model)
        file = GalleryFile(place, _checked(key))
        if create and not os.path.exists(place):
            if known is None:
                raise InputError(f"model: {place} is not there, and a new gallery needs one")
            with suppress(FileExistsError):  # another process was first: what it made is opened
                file.create(Contents(known[0], os.urandom(16).hex()))
        made = cls(file, None if known is None else known[1])
        if known is not None and known[0].source_sha256 != made.source_sha256:
            raise InputError(
                f"{place}: is a gallery of {_of(made._model)}, and the model given is "
                f"{_of(known[0])}; embeddings of the two do not compare. Open it with the first, "
                "or enrol everybody anew with the second."
            )
        return made

    @classmethod
    def in_memory(cls, model: str | os.PathLike[str] | Embedder) -> Self:
        """An empty gallery that no file keeps; ``copy_to`` writes one."""
        known, record = model_of(model)
        return cls(Memory(Contents(known, os.urandom(16).hex())), record)

    # What it is

    @property
    def path(self) -> Path:
        """Of the file."""
        from pathlib import Path  # a search does without

        return Path(self._file.path)

    @property
    def model(self) -> str:
        """Full name ``name.tag`` of the model whose embeddings are kept."""
        return self._model.name

    @property
    def source_sha256(self) -> str:
        """Of the int8 file of that model."""
        return self._model.source_sha256

    @property
    def dimension(self) -> int:
        """Values of an embedding."""
        return self._model.dimension

    @property
    def encrypted(self) -> bool:
        """Whether the file can be read with the key alone."""
        return self._file.encrypted

    @property
    def generation(self) -> int:
        """How often the gallery has changed: who notes it elsewhere can tell an old copy."""
        return self._now().generation

    @property
    def size(self) -> int:
        """Templates that are searched: those of all people who are not removed."""
        return int(self._now().searched.sum())

    @property
    def _model(self) -> Model:
        return self._now().model

    def __len__(self) -> int:
        """People who are not removed."""
        now = self._now()
        return len(now.names) - len(now.gone)

    def __contains__(self, name: object) -> bool:
        now = self._now()
        wanted = unicodedata.normalize("NFC", name) if isinstance(name, str) else name
        return any(
            known == wanted and person not in now.gone for person, known in now.names.items()
        )

    def __repr__(self) -> str:
        return f"Gallery({self._file.path!r}, {'closed' if self._closed else self.model!r})"

    def people(self, *, removed: bool = False) -> list[Person]:
        """Everybody, in the order of enrolment; with ``removed`` also those marked as gone."""
        now = self._now()
        own: dict[int, list[Note]] = {person: [] for person in now.names}
        against = dict.fromkeys(now.names, 0)
        for owner, example, note in zip(now.owners.tolist(), now.against, now.notes, strict=True):
            if example:
                against[owner] += 1
            else:
                own[owner].append(note)
        return [
            Person(
                name=name,
                templates=len(own[person]),
                rejected=against[person],
                removed=person in now.gone,
                unreliable=sum(bool(note.reasons) for note in own[person]),
                pictures=tuple(note.picture for note in own[person]),
            )
            for person, name in now.names.items()
            if removed or person not in now.gone
        ]

    # Changes

    def enrol(
        self,
        name: str,
        embeddings: ArrayLike,
        quality: Any = None,
        picture: str | Sequence[str | None] | None = None,
        *,
        allow_duplicate: bool = False,
        allow_unreliable: bool = False,
    ) -> Enrolment:
        """Enrol a person, or add faces to one who is there.

        Args:
            name: one line of 1 to 200 characters.
            embeddings: (N, D) or (D,) of the gallery's model.
            quality: a ``Quality`` for each; those that the embeddings carry where it is None.
            picture: where they come from, one text or one for each; it is kept and listed.
            allow_duplicate: enrol although other people match; else that is an error.
            allow_unreliable: enrol although a quality speaks against it.

        Returns:
            How many were added. A face that the person has already is not added again.

        Raises:
            InputError: names what is wrong: the embeddings, a face whose quality is too low, a
                person who is known under another name (where the model's record is calibrated for
                identification: at a false positive identification rate of 0.001).
        """
        from .enrolling import enrolled  # who only asks does without

        options = allow_duplicate, allow_unreliable
        return self._change(
            lambda now: enrolled(now, self._record, name, embeddings, quality, picture, *options)
        )

    def reject(self, name: str, embedding: ArrayLike, picture: str | None = None) -> int:
        """Say of faces that they are not this person; returns how many examples are new.

        A probe that is nearer to such an example than to all templates of the person is not taken
        for them. Raises InputError where an example is one of the person's own templates.
        """
        from .enrolling import rejected

        return self._change(lambda now: rejected(now, name, embedding, picture))

    def rename(self, name: str, new: str) -> None:
        """Give a person another name, which nobody else may have."""
        self._change(lambda now: (now.renamed(now.present(name), checked_name(new, "new")), None))

    def merge(self, name: str, into: str) -> None:
        """Make the faces of a person those of another, under whose name both are known then."""
        self._change(lambda now: (now.merged(now.present(name), now.present(into)), None))

    def remove(self, name: str) -> None:
        """Mark a person as gone: not found any more, but kept, and back with ``restore``."""
        self._change(lambda now: (now.marked(now.present(name), True), None))

    def restore(self, name: str) -> None:
        """Take back ``remove``."""
        self._change(lambda now: (now.marked(now.find(name), False), None))

    def forget(self, name: str) -> int:
        """Delete a person, removed or not; returns how many faces of theirs there were.

        No byte of the name, of the templates and of what was noted with them stays in the file.
        """

        def change(now: Contents) -> tuple[Contents, int]:
            found = now.forgotten(now.find(name))
            return found, len(now.notes) - len(found.notes)

        return self._change(change)

    @contextmanager
    def batch(self) -> Iterator[Self]:
        """Write the file once for all changes within; none of them where that raises.

        Other processes wait to change the gallery meanwhile, and see the old one; other threads
        wait for this object.
        """
        with self._lock:
            if self._batch is not None:
                raise InputError("batch: there is one already, that ends first")
            self._check_open()
            with self._file.locked():
                before = self._batch = self._file.read()
                try:
                    yield self
                    if self._batch is not before:
                        self._file.write(replace(self._batch, generation=before.generation + 1))
                finally:
                    self._batch = None

    def copy_to(
        self,
        path: str | os.PathLike[str],
        *,
        key: bytes | str | os.PathLike[str] | None | Same = Same.KEY,
    ) -> None:
        """Write the gallery to a new file; FileExistsError where one is.

        ``key``: as of ``open``, None for none; without it the gallery's own. So a gallery becomes
        encrypted, gets a new key, or a backup.
        """
        now = self._now()
        place = os.fspath(path)
        file = self._file.beside(place) if key is Same.KEY else None
        (file or GalleryFile(place, _checked(key))).create(now)

    # Questions

    def identify(
        self,
        embedding: ArrayLike,
        fpir: float = 0.01,
        *,
        threshold: float | None = None,
    ) -> Any:
        """Who this is: an :class:`Identification` for (D,), a list of them for (N, D).

        Args:
            embedding: of the gallery's model. Qualities that it carries stand in the answer.
            fpir: share of strangers who may be taken for somebody; the threshold for it among so
                many people with so many templates comes from the model's record.
            threshold: a cosine to use instead; the answer says that its rate is not known.

        Raises:
            InputError: embeddings of another model or shape, a rate that the record is not
                calibrated for.
        """
        with self._lock:
            now = self._now()
            if self._indexed is None or self._indexed[0] is not now:
                self._indexed = now, Index(now)
            index = self._indexed[1]
        probes = rows_of(now.model, "embedding", embedding)
        found = identify(now, index, self._record, probes, fpir, threshold)
        return found[0] if probes.single else found

    def to_firmware(
        self, *, per_person: int | None = None, most: int | None = None
    ) -> FirmwareGallery:
        """The gallery as firmware searches it: int8 templates, ``to_bytes()`` for a ``.pvg`` file.

        Args:
            per_person: at most so many templates of each, those of the best quality first.
            most: entries that there is room for.

        Raises:
            InputError: lists the names that are longer than 31 bytes; or there are more entries
                than ``most``.
        """
        from .firmware import exported

        return exported(self._now(), per_person, most)

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._closed = True
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InputError(f"{self._file.path}: this gallery is closed; open it anew")

    def _now(self) -> Contents:
        with self._lock:
            self._check_open()
            return self._file.read() if self._batch is None else self._batch

    def _change(self, work: Callable[[Contents], tuple[Contents, T]]) -> T:
        """Applies ``work`` to the state of now, and writes what it returns."""
        with self._lock:
            self._check_open()
            self._indexed = None  # nothing of who is forgotten stays in memory either
            if self._batch is not None:
                self._batch, answer = work(self._batch)
                return answer
            with self._file.locked():
                now = self._file.read()
                found, answer = work(now)
                if found is not now:
                    self._file.write(replace(found, generation=now.generation + 1))
                return answer


def _checked(key: object) -> bytes | None:
    if key is None:
        return None
    from .key import checked_key

    return checked_key(key)


def _of(model: Model) -> str:
    return f"{model.name} (source_sha256 {model.source_sha256[:12]}...)"
