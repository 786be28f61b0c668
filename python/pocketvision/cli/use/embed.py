"""``pocketvision embed PICTURE...``: embeddings as CSV, JSON or a .npy file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...faces.embedder import Embedder
from ...files import write_whole
from ...runtime.lending import check_threads
from ..common import (
    Verbs,
    add_model_options,
    embed_file,
    make_embedder,
    new_file,
    new_verb,
    print_json,
    progress_wanted,
    read_landmarks,
)


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "embed", run, "Embed aligned face crops, or faces with landmarks.")
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("--out", type=new_file, metavar="FILE.npy", help="float32 (N, D) goes here")
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
    if arguments.out is not None:
        matrix = np.stack([row.pop("embedding") for row in rows])
        write_whole(arguments.out, lambda file: np.save(file, matrix))
    for row in rows:
        if "embedding" in row:
            row["embedding"] = [float(value) for value in row["embedding"]]
    if arguments.json:
        print_json(
            {
                "model": embedder.name,
                "target": embedder.target,
                "dimension": embedder.dimension,
                "out": None if arguments.out is None else str(arguments.out),
                "faces": rows,
            }
        )
        return 0
    for row in rows:
        values = [f"{value:.7g}" for value in row.get("embedding", [])]
        print(",".join([row["picture"], str(row["face"]), *values]))
    return 0


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
