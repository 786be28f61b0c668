"""``pocketvision verify A B``: whether two pictures show one person, with the evidence."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ...errors import InputError
from ...faces.compare import verify
from ..common import (
    Verbs,
    add_model_options,
    embed_file,
    make_embedder,
    measures_quality,
    new_verb,
    read_landmarks,
)
from ..text import show, show_json

DIFFERENT, DOUBTFUL = 3, 4
"""Exit codes of --exit-code; 1 and 2 are those of every verb that failed."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "verify", run, "Compare the faces of two pictures.")
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument(
        "--far", type=float, default=1e-2, help="false accept rate, default %(default)g"
    )
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help=f"for scripts: 0 same person, {DIFFERENT} different people, {DOUBTFUL} not reliable",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict; "different people" is an answer, not a failure."""
    embedder = make_embedder(arguments)
    landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
    quality, vectors = measures_quality(embedder), []
    for path in (arguments.a, arguments.b):
        faces = embed_file(embedder, path, landmarks, quality=quality)
        if len(faces) != 1:
            raise InputError(f"{path}: expected landmarks of one face, got {len(faces)} faces")
        vectors.append(faces[0])
    verdict = verify(vectors[0], vectors[1], far=arguments.far, model=embedder)
    if arguments.json:
        show_json(asdict(verdict) | {"reliable": verdict.reliable})
    else:
        show(verdict)
    if not arguments.exit_code:
        return 0
    if verdict.reliable is False:
        return DOUBTFUL
    return 0 if verdict.same else DIFFERENT
