"""``pocketvision embed PICTURE...``: embeddings as CSV or JSON, or in a .npy or .csv file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faces.embedder import Embedder
from ...files import PRIVATE, write_whole
from ...runtime.lending import check_threads
from ..common import (
    Verbs,
    add_model_options,
    embed_file,
    is_stdout,
    is_stream,
    make_embedder,
    new_file,
    new_verb,
    progress_wanted,
    read_landmarks,
)
from ..text import csv_text, show_csv, show_json

SUFFIXES = (".npy", ".csv")


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "embed", run, "Embed aligned face crops, or faces with landmarks.")
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument(
        "--out",
        type=_new_embeddings,
        metavar="FILE",
        help="FILE.npy: float32 (N, D), as for a device or pipe; FILE.csv: as it is printed "
        "without --out",
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default %(default)d")
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print ``picture,face,value...`` per face, or write --out and print the rows' meaning."""
    pictures, threads = arguments.pictures, check_threads(arguments.threads)
    embedder = make_embedder(arguments, threads if len(pictures) == 1 else 1)
    landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
    rows: list[dict[str, Any]] = []
    results = _in_order(embedder, pictures, landmarks, threads)
    for done, (path, faces) in enumerate(zip(pictures, results, strict=True), start=1):
        for face, vector in enumerate(faces):
            rows.append({"picture": str(path), "face": face, "embedding": vector})
        if progress_wanted():
            end = "\n" * (done == len(pictures))
            print(f"\r{done}/{len(pictures)} pictures", end=end, file=sys.stderr)
    table = [[row["picture"], str(row["face"]), *_cells(row["embedding"])] for row in rows]
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
            }
        )
        return 0
    if arguments.out is None:
        show_csv(table)
    elif not is_stdout(arguments.out):
        show_csv(row[:2] for row in table)
    return 0


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


def _in_order(
    embedder: Embedder,
    pictures: list[Path],
    landmarks: dict[str, NDArray[np.float64]] | None,
    threads: int,
) -> Iterator[NDArray[np.float32]]:
    """The embeddings of each picture. Threads take whole pictures: decoding is most of the work."""
    if threads == 1 or len(pictures) == 1:
        for path in pictures:
            yield embed_file(embedder, path, landmarks)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda path: embed_file(embedder, path, landmarks), pictures)
