"""The record of a face embedder of the zoo: what its input is, and where its weights come from."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.record import FaceEmbedding, Record

from ..registry import Entry


def describe(
    entry: Entry, weights: Path, *, tag: str, teacher: str | None, data: str, licence: str
) -> Record:
    """The record of ``weights`` (a safetensors file) of a registered network, without scores."""
    return Record(
        name=entry.name.replace("_", "-"),
        tag=tag,
        task="face-embedding",
        paper=entry.paper,
        preprocess={
            "size": [entry.input_size] * 2,
            "colour": "RGB",
            "mean": [127.5] * 3,
            "std": [127.5] * 3,
            "template": [list(point) for point in ARCFACE_TEMPLATE],
        },
        part=FaceEmbedding(entry.embedding),
        teacher=teacher,
        data=data,
        licence=licence,
        sha256={"float_weights": digest(weights)},
        architecture=None if entry.architecture is None else dict(entry.architecture),
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
