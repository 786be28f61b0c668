"""``pocketvision gallery FOLDER``: pictures of people become a gallery for a firmware's flash."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...faces.gallery import Gallery, templates
from ...files import PICTURES, PRIVATE, write_whole
from ..common import (
    Verbs,
    add_model_options,
    embed_file,
    is_stdout,
    make_embedder,
    new_file,
    new_verb,
    read_landmarks,
)
from ..text import show_csv, show_json

SUFFIXES = (*PICTURES, ".npy")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "gallery", run, "Enrol people for firmware: one file of templates.")
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="with NAME.jpg, or folders NAME of pictures"
    )
    parser.add_argument("--out", type=new_file, required=True, metavar="FILE.pvg")
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the gallery, print ``name,picture`` per entry; one entry a face, in order of names."""
    found = people(arguments.folder)
    embedder = make_embedder(arguments)
    landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
    rows = []
    for _, path in found:
        faces = embed_file(embedder, path, landmarks)
        if len(faces) != 1:
            raise InputError(f"{path}: expected landmarks of one face, got {len(faces)} faces")
        rows.append(faces[0])
    names = [name for name, _ in found]
    gallery = Gallery(names, templates(np.stack(rows)), embedder.model.source_sha256)
    data = gallery.to_bytes()
    write_whole(arguments.out, lambda file: file.write(data), PRIVATE)
    if arguments.json:
        entries = [{"name": name, "picture": str(path)} for name, path in found]
        show_json(
            {
                "model": embedder.name,
                "out": str(arguments.out),
                "bytes": len(data),
                "entries": entries,
            }
        )
    elif not is_stdout(arguments.out):
        show_csv((name, str(path)) for name, path in found)
    return 0


def people(folder: Path) -> list[tuple[str, Path]]:
    """Name and picture of every entry: ``NAME.jpg``, and all pictures in folders ``NAME``.

    Raises InputError for a folder without pictures, NotADirectoryError for no folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected a folder of people")
    found = []
    for path in sorted(folder.iterdir()):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        name = path.name if path.is_dir() else path.stem
        found += [(name, picture) for picture in inside if picture.suffix.lower() in SUFFIXES]
    if not found:
        raise InputError(f"{folder}: holds no picture, such as NAME.jpg or NAME/1.jpg")
    return found
