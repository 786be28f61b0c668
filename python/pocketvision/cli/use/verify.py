"""``pocketvision verify A B``: whether two pictures show one person, with the evidence."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ...faces.compare import verify
from ..common import Verbs, add_model_options, make_embedder, new_verb
from ..photos import Photos, add_photo_options
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
    add_photo_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict; "different people" is an answer, not a failure."""
    embedder = make_embedder(arguments)
    photos = Photos(embedder, arguments)
    pair = [photos.largest(path) for path in (arguments.a, arguments.b)]
    first, second = (one.embeddings[0] for one in pair)
    verdict = verify(first, second, far=arguments.far, model=embedder)
    if arguments.json:
        taken = [
            {"picture": str(path), "box": one.box(0), "of": one.of}
            for path, one in zip((arguments.a, arguments.b), pair, strict=True)
        ]
        show_json(asdict(verdict) | {"reliable": verdict.reliable, "faces": taken})
    else:
        show(verdict)
    if not arguments.exit_code:
        return 0
    if verdict.reliable is False:
        return DOUBTFUL
    return 0 if verdict.same else DIFFERENT
