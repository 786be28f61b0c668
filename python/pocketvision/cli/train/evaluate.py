"""``pocketvision evaluate lfw``: accuracy of a model by a published protocol."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..common import Verbs, new_file, new_verb, progress_wanted
from ..text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "evaluate", run, "Measure accuracy on a data set.", "training")
    parser.add_argument(
        "protocol", choices=["lfw", "bin"], help="bin: a pair set in InsightFace's file format"
    )
    parser.add_argument(
        "--model", required=True, metavar="NAME|FILE", help="shipped, compiled, or ONNX file"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="aligned crops (lfw)")
    parser.add_argument(
        "--pairs", type=Path, required=True, metavar="FILE", help="pairs.txt, or the .bin file"
    )
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="add the embedding of the mirrored picture",
    )
    parser.add_argument(
        "--plot", type=new_file, metavar="PNG", help="ROC, DET and score histograms (lfw)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the result: one line per figure, or one JSON object."""
    from ...training.evaluate.faces import bins, lfw

    model, flip = arguments.model, arguments.flip
    if arguments.protocol == "bin":
        if arguments.images or arguments.plot:
            raise InputError("evaluate bin: --images and --plot are for lfw; leave them out")
        result = bins.evaluate(model, arguments.pairs, flip=flip, progress=progress_wanted())
    else:
        if arguments.images is None:
            raise InputError("evaluate lfw: name the folder of the aligned crops with --images")
        result = lfw.evaluate(
            model,
            arguments.images,
            arguments.pairs,
            flip=flip,
            progress=progress_wanted(),
            plot=arguments.plot,
        ).to_dict()
    if arguments.json:
        show_json(result)
    else:
        show(*_lines(result))
    return 0


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """``key: value`` each; of a mapping a line per entry, of bounds ``low to high``."""
    for key, value in result.items():
        if isinstance(value, dict):
            yield from _lines({f"{key} {inner}": found for inner, found in value.items()})
        elif isinstance(value, list | tuple):
            yield f"{key}: {' to '.join(map(str, value))}"
        else:
            yield f"{key}: {value}"
