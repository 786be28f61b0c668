"""``pocketvision embed PICTURE...``: embeddings as CSV, JSON or a .npy file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_whole
from .common import (
    Verbs,
    add_model_options,
    embed_file,
    make_embedder,
    new_verb,
    print_json,
    progress_wanted,
    read_landmarks,
)


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "embed", run, "Embed aligned face crops, or faces with landmarks.")
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    parser.add_argument("--out", type=Path, metavar="FILE.npy", help="float32 (N, D) goes here")
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print ``picture,face,value...`` per face, or write --out and print the rows' meaning."""
    embedder = make_embedder(arguments)
    landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
    rows: list[dict[str, Any]] = []
    total = len(arguments.pictures)
    for done, path in enumerate(arguments.pictures, start=1):
        for face, vector in enumerate(embed_file(embedder, path, landmarks)):
            rows.append({"picture": str(path), "face": face, "embedding": vector})
        if progress_wanted():
            print(f"\r{done}/{total} pictures", end="\n" * (done == total), file=sys.stderr)
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
