"""``pocketvision evaluate lfw``: accuracy of a model by a published protocol."""

from __future__ import annotations

import argparse
from pathlib import Path

from .common import Verbs, new_verb, print_json, progress_wanted


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "evaluate", run, "Measure accuracy on a data set.", "training")
    parser.add_argument("protocol", choices=["lfw"])
    parser.add_argument(
        "--model", required=True, metavar="NAME|FILE", help="shipped, compiled, or ONNX file"
    )
    parser.add_argument("--images", type=Path, required=True, metavar="DIR")
    parser.add_argument("--pairs", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add the embedding of the mirrored picture",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the result: one line per figure, or one JSON object."""
    from ..training.evaluate import lfw

    result = lfw.evaluate(
        arguments.model,
        arguments.images,
        arguments.pairs,
        flip=arguments.flip,
        progress=progress_wanted(),
    ).to_dict()
    if arguments.json:
        print_json(result)
    else:
        for key, value in result.items():
            print(f"{key}: {value}")
    return 0
