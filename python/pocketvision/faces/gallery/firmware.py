"""Galleries of enrolled people as firmware searches them: named int8 templates in one file."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError, shown
from ...runtime.arrays import integer
from ..int8.templates import templates
from .contents import Contents

if TYPE_CHECKING:
    from mmap import mmap

    from numpy.typing import NDArray

MAGIC = b"PVGALLRY"
VERSION = 1
NAME_BYTES = 32
MAX_ENTRIES = 1_000_000

_HEAD = struct.Struct("<8s4I32sI")
_CHECK = struct.Struct("<I")
HEADER_BYTES = _HEAD.size + _CHECK.size

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, eq=False)
class FirmwareGallery:
    """Enrolled people: ``names`` and int8 ``templates`` (N, D), an entry each.

    A person may have several entries of one name. ``source_sha256``: SHA-256 of the int8 file of
    the model that made them, ``Model.source_sha256``; firmware refuses a gallery of another model.
    ``top_k(embedding, gallery.templates)`` searches it on a host. Raises InputError for names that
    are empty, longer than 31 bytes of UTF-8 or hold control characters, and for arrays of another
    type or shape.
    """

    names: Sequence[str]
    templates: NDArray[np.int8]
    source_sha256: str

    def __post_init__(self) -> None:
        rows, names = self.templates, self.names
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise InputError(f"names: expected a list of texts, got {shown(names)}")
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int8 or rows.ndim != 2:
            raise InputError(
                "templates: expected int8 (N, D), as pocketvision.faces.int8.templates.templates"
            )
        if len(rows) != len(self.names) or len(rows) > MAX_ENTRIES or rows.shape[1] == 0:
            raise InputError(
                f"templates: expected a row for each of {len(self.names)} names, at most "
                f"{MAX_ENTRIES:,}, got shape {rows.shape}"
            )
        for index, name in enumerate(self.names):
            _check_name(f"names[{index}]", name)
            if not rows[index].any():
                raise InputError(f"templates: row {index} is all zeros, which has no direction")
        digest = self.source_sha256
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise InputError(f"source_sha256: expected 64 digits, got {shown(digest)}")

    def __repr__(self) -> str:
        return f"FirmwareGallery({len(self.names)} entries, {self.source_sha256[:8]})"

    def without(self, name: str) -> FirmwareGallery:
        """All entries but those of ``name``, in their order: what ``pv_gallery_remove`` leaves.

        Raises InputError where nobody has that name.
        """
        kept = [index for index, other in enumerate(self.names) if other != name]
        if len(kept) == len(self.names):
            raise InputError(f"name: nobody in this gallery is called {shown(name)}")
        names = [self.names[index] for index in kept]
        return FirmwareGallery(names, self.templates[kept], self.source_sha256)

    def replaced(self, name: str, templates: NDArray[np.int8]) -> FirmwareGallery:
        """As ``without(name)``, and then an entry for each row of ``templates``, (N, D) or (D,).

        Those are the bytes that ``pv_gallery_replace`` makes. Raises InputError where nobody has
        that name, and for templates of another type or shape, or none.
        """
        rest = self.without(name)
        rows = templates if getattr(templates, "ndim", 0) != 1 else templates[np.newaxis]
        wide = self.templates.shape[1]
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int8 or rows.ndim != 2:
            raise InputError("templates: expected int8 (N, D) or (D,)")
        if len(rows) == 0 or rows.shape[1] != wide:
            raise InputError(
                f"templates: expected rows of {wide} values, one or more, got shape {rows.shape}"
            )
        return FirmwareGallery(
            [*rest.names, *[name] * len(rows)],
            np.concatenate([rest.templates, rows]),
            self.source_sha256,
        )

    def to_bytes(self) -> bytes:
        """The file; its layout is in csrc/include/pocketvision/gallery.h."""
        count, dimension = self.templates.shape
        digest = bytes.fromhex(self.source_sha256)
        head = _HEAD.pack(MAGIC, VERSION, dimension, count, 0, digest, 0)
        body = b"".join(
            name.encode().ljust(NAME_BYTES, b"\0") + row.tobytes()
            for name, row in zip(self.names, self.templates, strict=True)
        )
        return head + _CHECK.pack(zlib.crc32(head + body)) + body

    @classmethod
    def from_bytes(cls, data: bytes) -> FirmwareGallery:
        """Reads what ``to_bytes`` or a firmware wrote; InputError that says what is wrong."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InputError(f"gallery: expected bytes, got {type(data).__name__}")
        data = bytes(data)
        dimension, count, digest = read_header(data)
        entry = NAME_BYTES + dimension
        body = data[HEADER_BYTES : HEADER_BYTES + count * entry]
        rows = np.frombuffer(body, np.uint8).reshape(count, entry)
        try:
            names = [bytes(row[:NAME_BYTES]).rstrip(b"\0").decode() for row in rows]
        except UnicodeDecodeError as error:
            raise InputError(f"gallery: a name is not UTF-8: {error}") from None
        return cls(names, rows[:, NAME_BYTES:].view(np.int8).copy(), digest)


def read_header(data: bytes | mmap) -> tuple[int, int, str]:
    """Values of a template, entries, and SHA-256 of the model of a gallery's bytes, all checked.

    The entries begin at byte ``HEADER_BYTES``; more bytes may stand behind them. Raises InputError
    for another form, and for bytes that are truncated or damaged.
    """
    if len(data) < HEADER_BYTES:
        raise InputError(f"gallery: {len(data)} bytes are less than a header")
    magic, version, dimension, count, reserved_20, digest, reserved_56 = _HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise InputError(f"gallery: expected {MAGIC!r} of version {VERSION}")
    end = HEADER_BYTES + count * (NAME_BYTES + dimension)
    if reserved_20 or reserved_56 or count > MAX_ENTRIES or len(data) < end:
        raise InputError(f"gallery: truncated or damaged, {len(data)} bytes of {count} entries")
    with memoryview(data) as view, view[:end] as whole:
        check = zlib.crc32(whole[HEADER_BYTES:], zlib.crc32(whole[: _HEAD.size]))
    if _CHECK.pack(check) != data[_HEAD.size : HEADER_BYTES]:
        raise InputError("gallery: damaged, its checksum is another")
    return dimension, count, digest.hex()


def exported(contents: Contents, per_person: int | None, most: int | None) -> FirmwareGallery:
    """The templates of those who are there, see ``Gallery.to_firmware``."""
    rows = np.flatnonzero(contents.searched)
    if per_person is not None:
        limit = integer("per_person", per_person, "a positive integer", 1)
        taken: dict[int, int] = {}
        chosen = []
        # Faces of unknown quality stand behind those of a known one; equal ones as enrolled.
        for row in sorted(rows.tolist(), key=lambda row: -(contents.notes[row].quality or 0)):
            owner = int(contents.owners[row])
            taken[owner] = taken.get(owner, 0) + 1
            if taken[owner] <= limit:
                chosen.append(row)
        rows = np.array(sorted(chosen), np.int64)
    limit = MAX_ENTRIES
    if most is not None:
        limit = integer("most", most, f"an integer from 1 to {MAX_ENTRIES}", 1, MAX_ENTRIES)
    if len(rows) > limit:
        raise InputError(
            f"most: the gallery has {len(rows)} templates, and there is room for {limit}; take "
            "fewer of each person (per_person=, or --per-person)"
        )
    names = [contents.names[owner] for owner in contents.owners[rows].tolist()]
    long = sorted({name for name in names if len(name.encode()) >= NAME_BYTES})
    if long:
        raise InputError(
            f"names: firmware keeps {NAME_BYTES - 1} bytes of UTF-8, and longer are "
            f"{', '.join(map(repr, long))}; rename them first"
        )
    if not len(rows):
        empty = np.empty((0, contents.model.dimension), np.int8)
        return FirmwareGallery([], empty, contents.model.source_sha256)
    return FirmwareGallery(names, templates(contents.vectors[rows]), contents.model.source_sha256)


def _check_name(where: str, name: str) -> None:
    """The rule of csrc/runtime/face/gallery.c."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:  # half of a pair of UTF-16
        size = 0
    if not 0 < size < NAME_BYTES or _CONTROL.search(name):
        raise InputError(
            f"{where}: expected 1 to {NAME_BYTES - 1} bytes of UTF-8 without control characters, "
            f"got {size}: {name[:40]!r}"
        )
