"""Shards: which files belong into which Parquet file, and what is in one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError
from ...files import PRIVATE, write_whole

FORM = 1
"""Of the columns; a shard of another form is not taken for a finished one."""

KEY = b"pocketvision"
"""Under which a shard's metadata holds what it was made of, as JSON."""


@dataclass(frozen=True)
class Settings:
    """What all shards of a run share: change one, and every row may be another.

    ``model`` and ``detector``: names or paths, with the SHA-256 of the int8 files; of aligned crops
    the detector is None. ``min_face``: pixels, as of ``Faces.find``.
    """

    model: str
    source_sha256: str
    detector: str | None
    detector_sha256: str | None
    min_face: int | None
    dimension: int
    form: int = FORM

    @property
    def aligned(self) -> bool:
        """Whether the files are aligned crops."""
        return self.detector is None

    def made_of(self) -> dict[str, Any]:
        """What decides about the rows: not by which name a model was asked for."""
        told = asdict(self)
        del told["model"], told["detector"]
        return told


class Shard(NamedTuple):
    """A part of the work: ``paths``, and the file that its rows go into."""

    number: int
    paths: list[str]

    def place(self, out: Path) -> Path:
        """Where its Parquet file is, or will be."""
        return out / f"shard-{self.number:06}.parquet"

    def digest(self) -> str:
        """SHA-256 of its paths, in order."""
        whole = json.dumps(self.paths).encode()
        return hashlib.sha256(whole).hexdigest()


class Row(NamedTuple):
    """A face, or a file without one; the columns of a shard.

    ``face``: its number within the picture, the largest first. ``score``, ``box``, ``landmarks``:
    the detector's, in pixels; None for aligned crops. ``quality``: 0 to 100. ``reason``: why the
    file has no embedding; then all but ``path`` are None.
    """

    path: str
    face: int | None = None
    score: float | None = None
    box: list[float] | None = None
    landmarks: list[float] | None = None
    quality: int | None = None
    embedding: Any = None
    reason: str | None = None


def split(paths: Sequence[str | os.PathLike[str]], files: int) -> list[Shard]:
    """``files`` consecutive paths a shard, whoever works on it."""
    whole = [os.path.abspath(os.fspath(path)) for path in paths]
    return [Shard(at // files, whole[at : at + files]) for at in range(0, len(whole), files)]


def missing(shards: Sequence[Shard], out: Path, settings: Settings) -> list[Shard]:
    """The shards that are not there, or are of other paths.

    Raises InputError where ``out`` holds shards of other settings, or more than ``shards``.
    """
    known = {shard.place(out).name for shard in shards}
    found = {path.name for path in out.glob("shard-*.parquet")}
    if found - known:
        raise InputError(
            f"{out / min(found - known)}: is of more files than were given now, or of smaller "
            "shards. Give the same files and shard_files, or another folder"
        )
    return [shard for shard in shards if not _done(shard, out, settings)]


def _done(shard: Shard, out: Path, settings: Settings) -> bool:
    place = shard.place(out)
    if not place.exists():
        return False
    told = about(place)
    if told["settings"] != settings.made_of():
        raise InputError(
            f"{place}: was made with another model, detector or min_face, which do not mix. Give "
            "the same, or another folder"
        )
    return bool(told["paths_sha256"] == shard.digest())


def about(place: Path) -> dict[str, Any]:
    """What a shard was made of; InputError for a file that is none."""
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import read_schema

    try:
        told: dict[str, Any] = json.loads((read_schema(place).metadata or {})[KEY])
    except (ArrowInvalid, KeyError, ValueError):
        raise InputError(
            f"{place}: not a shard that embed_files wrote. Move it away, or give another folder"
        ) from None
    return told


def write(shard: Shard, rows: Sequence[Row], out: Path, settings: Settings) -> None:
    """A shard, whole or not at all; its owner alone may read it."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    told = {"settings": settings.made_of(), "paths_sha256": shard.digest()}
    columns = pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            ("face", pa.int32()),
            ("score", pa.float32()),
            ("box", pa.list_(pa.float32(), 4)),
            ("landmarks", pa.list_(pa.float32(), 10)),
            ("quality", pa.int32()),
            ("embedding", pa.list_(pa.float32(), settings.dimension)),
            ("reason", pa.string()),
        ],
        metadata={KEY: json.dumps(told, sort_keys=True)},
    )
    table = pa.Table.from_pylist([row._asdict() for row in rows], columns)
    write_whole(
        shard.place(out),
        # Embeddings hardly shrink, so they are not taken through a dictionary first.
        lambda file: write_table(table, file, compression="zstd", use_dictionary=["reason"]),
        PRIVATE,
    )


def without(out: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """Path and reason of every file that has no embedding, in order, of all shards of a folder."""
    from pyarrow.parquet import read_table

    for place in sorted(Path(out).glob("shard-*.parquet")):
        table = read_table(place, columns=["path", "reason"], partitioning=None)
        for row in table.to_pylist():
            if row["reason"] is not None:
                yield row["path"], row["reason"]
