"""What a gallery holds, as values that never change: a change makes new contents of old ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import InputError, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME_CHARACTERS = 200
"""Most characters of a name."""

_REFUSED = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's classes of control characters, halves of UTF-16 pairs, and ends of lines."""


class Note(NamedTuple):
    """What is noted of a face.

    ``quality``: score 0 to 100, None where it is not known. ``reasons``: what spoke against the
    face when it was enrolled. ``picture``: where it came from, as the caller said.
    """

    quality: int | None = None
    reasons: tuple[str, ...] = ()
    picture: str | None = None


@dataclass(frozen=True)
class Model:
    """The one model whose embeddings a gallery holds."""

    name: str
    source_sha256: str
    dimension: int


@dataclass(frozen=True, eq=False, repr=False)
class Contents:
    """One state of a gallery.

    ``uid``: 32 hexadecimal digits, drawn when the gallery was made. ``generation``: counts its
    changes. ``names``: of all people, by a key that is never given again. ``gone``: keys of those
    who are marked as removed. Of each face: ``vectors`` float32 (N, D) of length 1, ``owners``
    int64 (N,) the key of its person, ``against`` bool (N,) whether it is an example of who is *not*
    this person, and ``notes``.
    """

    model: Model
    uid: str
    generation: int = 0
    last_person: int = 0
    names: Mapping[int, str] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    owners: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    against: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Contents({len(self.names)} people, {len(self.notes)} faces)"

    @cached_property
    def searched(self) -> NDArray[np.bool_]:
        """Whether a face is a template of somebody who is there."""
        return ~self.against & ~np.isin(self.owners, [*self.gone])

    def find(self, name: object) -> int:
        """The key of a person; InputError where there is none of that name."""
        wanted = checked_name(name)
        for person, known in self.names.items():
            if known == wanted:
                return person
        raise InputError(f"name: nobody in this gallery is called {shown(wanted)}")

    def present(self, name: object) -> int:
        """``find``, and InputError for someone who is marked as removed."""
        person = self.find(name)
        if person in self.gone:
            raise InputError(
                f"name: {shown(self.names[person])} is marked as removed; restore or forget first"
            )
        return person

    def person_or_new(self, name: str) -> tuple[Contents, int]:
        """Contents that have a person of this name, and the key; InputError for a removed one."""
        if name in self.names.values():
            return self, self.present(name)
        person = self.last_person + 1
        names = {**self.names, person: name}
        return replace(self, names=names, last_person=person), person

    def with_faces(
        self, person: int, against: bool, vectors: NDArray[np.float32], notes: Sequence[Note]
    ) -> Contents:
        """With further faces of a person, or examples against them: a row and a note each."""
        count = len(notes)
        return replace(
            self,
            vectors=np.concatenate([self.vectors.reshape(-1, self.model.dimension), vectors]),
            owners=np.concatenate([self.owners, np.full(count, person, np.int64)]),
            against=np.concatenate([self.against, np.full(count, against)]),
            notes=(*self.notes, *notes),
        )

    def renamed(self, person: int, name: str) -> Contents:
        """With another name for a person, which nobody else has."""
        for other, known in self.names.items():
            if known == name and other != person:
                hint = ", marked as removed" if other in self.gone else "; merge the two"
                raise InputError(f"name: somebody is called {shown(name)} already{hint}")
        return replace(self, names={**self.names, person: name})

    def merged(self, source: int, target: int) -> Contents:
        """With all faces of ``source`` those of ``target``, and without ``source``."""
        if source == target:
            raise InputError("into: is the same person")
        owners = np.where(self.owners == source, np.int64(target), self.owners)
        return replace(self, owners=owners).forgotten(source)

    def marked(self, person: int, gone: bool) -> Contents:
        """With a person marked as removed, or as there again."""
        others = self.gone - {person}
        return replace(self, gone=others | {person} if gone else others)

    def forgotten(self, person: int) -> Contents:
        """Without a person and all that belongs to them."""
        kept = self.owners != person
        return replace(
            self,
            names={key: name for key, name in self.names.items() if key != person},
            gone=self.gone - {person},
            vectors=self.vectors[kept],
            owners=self.owners[kept],
            against=self.against[kept],
            notes=tuple(note for note, keep in zip(self.notes, kept, strict=True) if keep),
        )


def checked_name(name: object, where: str = "name") -> str:
    """A name as galleries keep it, in Unicode's composed form (NFC); InputError for no name."""
    if not isinstance(name, str):
        raise InputError(f"{where}: expected a text, got {type(name).__name__}")
    text = unicodedata.normalize("NFC", str(name))
    odd = "" if text.isprintable() else text
    bad = next((c for c in odd if unicodedata.category(c) in _REFUSED), None)
    if bad is not None:
        raise InputError(
            f"{where}: expected one line without control characters, got {ascii(bad)} in "
            f"{ascii(text[:40])}"
        )
    if not text.strip() or text != text.strip() or len(text) > NAME_CHARACTERS:
        raise InputError(
            f"{where}: expected 1 to {NAME_CHARACTERS} characters without spaces around them, got "
            f"{len(text)}: {shown(text)}"
        )
    return text
