"""``pocketvision embed PICTURE...``: embeddings as CSV or JSON, or in a .npy or .csv file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files import PRIVATE, write_whole
from ...runtime.lending import check_threads
from .. import folders
from ..common import (
    Verbs,
    add_model_options,
    is_stdout,
    is_stream,
    make_embedder,
    new_file,
    new_verb,
)
from ..folders import add_skip_bad
from ..photos import Photos, add_photo_options, box_cells, told
from ..text import csv_text, show_csv, show_json

SUFFIXES = (".npy", ".csv")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "embed", run, "Embed the faces of photos, or aligned crops.")
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="or folders of pictures"
    )
    parser.add_argument(
        "--out",
        type=_new_embeddings,
        metavar="FILE",
        help="FILE.npy: float32 (N, D), as for a device or pipe; FILE.csv: as it is printed "
        "without --out",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default %(default)d")
    add_skip_bad(parser)
    add_model_options(parser)
    add_photo_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print ``picture,face,value...`` per face, or write --out and print what the rows are.

    Of --out that is picture and face, and of photos the edges of the box.
    """
    threads = check_threads(arguments.threads)
    pictures, skipped = folders.pictures(arguments.pictures)
    folders.tell(skipped)
    embedder = make_embedder(arguments, threads if len(pictures) == 1 else 1)
    photos, bad = Photos(embedder, arguments), folders.Bad(arguments.skip_bad)
    rows: list[dict[str, Any]] = []
    for path, found in photos.each(photos.all, pictures, bad):
        for face, vector in enumerate(found.embeddings):
            row = {"picture": str(path), "face": face, "box": found.box(face), "embedding": vector}
            rows.append(row | told(vector))
    bad.report()
    if not rows:
        raise InputError("no picture could be used; the reasons are above")
    table = [[row["picture"], str(row["face"]), *_cells(row["embedding"])] for row in rows]
    places = [[*line[:2], *box_cells(row["box"])] for line, row in zip(table, rows, strict=True)]
    if arguments.out is not None:
        _write(arguments.out, table, np.stack([row.pop("embedding") for row in rows]))
    else:
        for row in rows:
            row["embedding"] = row["embedding"].tolist()
    if arguments.json:
        show_json(
            {
                "model": embedder.name,
                "target": embedder.target,
                "dimension": embedder.dimension,
                "out": None if arguments.out is None else str(arguments.out),
                "faces": rows,
                "skipped": folders.data(skipped) + bad.data(),
            }
        )
        return bad.code
    if arguments.out is None:
        show_csv(table)
    elif not is_stdout(arguments.out):
        show_csv(places)
    return bad.code


def _new_embeddings(text: str) -> Path:
    path = new_file(text)
    if not is_stream(path) and path.suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}, got {path.suffix!r}"
        )
    return path


def _cells(embedding: NDArray[np.float32]) -> list[str]:
    """Nine digits, of which every reader makes the same float32."""
    return [f"{value:.9g}" for value in embedding]


def _write(out: Path, table: list[list[str]], matrix: NDArray[np.float32]) -> None:
    if out.suffix.lower() == ".csv":
        # Names of files may hold bytes that are no UTF-8; they come out as they are.
        data = csv_text(table).encode(errors="surrogateescape")
        write_whole(out, lambda file: file.write(data), PRIVATE)
    else:
        write_whole(out, lambda file: np.save(file, matrix), PRIVATE)
