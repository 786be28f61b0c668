"""Worker: the actor that makes whole shards, with models that it opens once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError, RunError
from ...pictures import read_picture
from ..embedder import Embedder
from ..find.photo import Faces
from .shards import Row, Settings, Shard, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 64
"""Aligned crops in one call of the embedder."""


class Worker:
    """Makes a shard of each row that Ray Data gives it, and tells what is in it.

    Args:
        settings: of the run.
        out: the folder of the shards, which every machine sees by this path.

    Raises:
        InputError: a model is another on this machine than where the run was started.
    """

    def __init__(self, settings: Settings, out: str) -> None:
        self._settings, self._out = settings, Path(out)
        self._embedder = Embedder(settings.model)
        found: list[str | None] = [self._embedder.model.source_sha256, None]
        if settings.detector is not None:
            self._faces = Faces(self._embedder, detector=settings.detector)
            found[1] = self._faces.detector.model.source_sha256
        if found != [settings.source_sha256, settings.detector_sha256]:
            raise InputError(
                f"model: {settings.model} or {settings.detector} has other weights on this machine "
                "than where the run was started. Install the same version everywhere"
            )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row``: ``number`` and ``paths`` (JSON) of a shard; numbers of what was written."""
        shard = Shard(int(row["number"]), json.loads(row["paths"]))
        kind = self._crops if self._settings.aligned else self._photos
        rows = list(kind(shard.paths))
        write(shard, rows, self._out, self._settings)
        return {"number": shard.number, **counts(rows)}

    def _photos(self, paths: list[str]) -> Iterator[Row]:
        for path in paths:
            try:
                name = _named(path)
                found = self._faces.find(path, min_face=self._settings.min_face)
            except RunError:  # the model's failure, not the file's
                raise
            except Exception as error:  # one file of a million must not end the run
                yield _bad(path, error)
                continue
            if not found:
                yield Row(name, reason="no face found")
            for number, face in enumerate(found):
                yield Row(
                    name,
                    number,
                    face.score,
                    list(face.box),
                    face.landmarks.ravel().tolist(),
                    None if face.quality is None else face.quality.score,
                    np.asarray(face.embedding),
                )

    def _crops(self, paths: list[str]) -> Iterator[Row]:
        for at in range(0, len(paths), BATCH):
            rows: list[Row] = []
            crops: list[NDArray[np.uint8]] = []
            for path in paths[at : at + BATCH]:
                try:
                    rows.append(Row(_named(path), 0))
                    crops.append(self._crop(path))
                except Exception as error:  # as above
                    del rows[len(crops) :]
                    yield from self._embedded(rows, crops)
                    rows, crops = [], []
                    yield _bad(path, error)
            yield from self._embedded(rows, crops)

    def _crop(self, path: str) -> NDArray[np.uint8]:
        size = tuple(self._embedder.record.preprocess["size"])
        pixels = read_picture(path)
        if pixels.shape[:2] != size:
            raise InputError(
                f"{path}: expected an aligned crop of {size[0]}x{size[1]} pixels, got "
                f"{pixels.shape[0]}x{pixels.shape[1]}"
            )
        return pixels

    def _embedded(self, rows: list[Row], crops: list[NDArray[np.uint8]]) -> Iterator[Row]:
        if crops:
            embedded = np.asarray(self._embedder.embed(np.stack(crops), batch_size=BATCH))
            yield from (
                row._replace(embedding=one) for row, one in zip(rows, embedded, strict=True)
            )


def counts(rows: list[Row]) -> dict[str, int]:
    """``files`` of some rows, ``faces``, and ``without``: files that have no embedding."""
    lost = sum(row.reason is not None for row in rows)
    first = sum(row.face == 0 for row in rows)
    return {"files": first + lost, "faces": len(rows) - lost, "without": lost}


def _named(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError("its name is not UTF-8; rename it") from None
    return path


def _bad(path: str, error: Exception) -> Row:
    name = path.encode("utf-8", "backslashreplace").decode()
    text = str(error).encode("utf-8", "backslashreplace").decode()
    kind = "" if isinstance(error, InputError | OSError) else f"{type(error).__name__}: "
    reason = text.removeprefix("picture: ").removeprefix(f"{name}: ") or type(error).__name__
    return Row(name, reason=kind + reason)
