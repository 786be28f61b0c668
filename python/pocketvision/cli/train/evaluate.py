"""``pocketvision evaluate lfw|bin|folder``: accuracy of a model on pairs of faces."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..common import Verbs, new_file, new_verb, progress_wanted, read_landmarks
from ..text import show, show_json

RATES = (1e-2, 1e-3)
"""False accept rates that lists of pairs are evaluated at, where they carry them."""

FEW = 1000
"""Pairs below which the accuracy itself is a rough figure; LFW has 6,000."""

SHOWN = 20
"""Files left out that are named; --json has all."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "evaluate", run, "Measure accuracy on a data set.", "training")
    parser.add_argument(
        "protocol",
        choices=["lfw", "bin", "folder"],
        help="bin: a pair set in InsightFace's file format; folder: NAME/*.jpg of people of "
        "yours, all pairs of them",
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME|FILE",
        help="shipped, compiled (build/own for build/own.TARGET.so), or ONNX file",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="aligned crops (lfw, folder)")
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="pairs.txt, or the .bin file")
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="of pictures that are no crops (folder): CSV without header, picture,x1,y1,...,x5,y5",
    )
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="add the embedding of the mirrored picture; default for lfw and bin, as papers do",
    )
    parser.add_argument(
        "--plot", type=new_file, metavar="PNG", help="ROC, DET and score histograms (lfw)"
    )


TAKES = {
    "lfw": ("images", "pairs", "plot"),
    "bin": ("pairs",),
    "folder": ("images", "landmarks"),
}
"""The options of each protocol; of "lfw" the last may be left out, of "folder" too."""


def run(arguments: argparse.Namespace) -> int:
    """Print the result: a line per rate, or one JSON object."""
    from ...training.evaluate.faces import bins, lfw, people

    protocol, model = arguments.protocol, arguments.model
    _check(arguments)
    flip = protocol != "folder" if arguments.flip is None else arguments.flip
    common = {"flip": flip, "progress": progress_wanted()}
    if protocol == "bin":
        result = bins.evaluate(model, arguments.pairs, **common)
    elif protocol == "lfw":
        result = lfw.evaluate(
            model, arguments.images, arguments.pairs, plot=arguments.plot, **common
        ).to_dict()
    else:
        landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
        result = people.evaluate(model, arguments.images, landmarks=landmarks, **common).to_dict()
    if arguments.json:
        show_json(result)
        return 0
    show(*_lines(result))
    left_out = result.get("left_out", [])
    if left_out:
        show(f"left out: {len(left_out)}", *(f"  {why}" for why in left_out[:SHOWN]),
             file=sys.stderr)  # fmt: skip
    warnings = result["warnings"] if "warnings" in result else _few(result)
    show(*(f"warning: {text}" for text in warnings), file=sys.stderr)
    return 0


def _few(result: dict[str, Any]) -> Iterator[str]:
    """What a list of pairs is too short for; an own folder's result has warnings of its own."""
    pairs = result["pairs"]
    missing = [far for far in RATES if f"{far:g}" not in result["tar"]]
    if missing:
        yield (
            f"{pairs:,} pairs are too few to say anything at FAR {100 * missing[0]:g} %, which "
            f"needs {round(3 / missing[0]):,} pairs of two people (rule of three)"
        )
    if pairs < FEW:
        yield f"{pairs:,} pairs are few: each one moves the accuracy by {100 / pairs:.2g} points"


def _check(arguments: argparse.Namespace) -> None:
    takes = TAKES[arguments.protocol]
    given = [name for name in ("images", "pairs", "landmarks", "plot") if getattr(arguments, name)]
    if wrong := [f"--{name}" for name in given if name not in takes]:
        raise InputError(
            f"evaluate {arguments.protocol}: it takes no {', '.join(wrong)}; leave them out"
        )
    what = {"images": "the folder of the aligned crops", "pairs": "the file of the pairs"}
    for name, meaning in what.items():
        if name in takes and name not in given:
            raise InputError(f"evaluate {arguments.protocol}: name {meaning} with --{name}")


def _lines(result: dict[str, Any]) -> Iterator[str]:
    """The figures in sentences: what was right, at which rate, and on how much it rests."""
    if "accuracy" in result:
        accuracy, spread = (100 * result[key] for key in ("accuracy", "std"))
        at = f"at threshold {result['threshold']:.3f} in the mean"
        yield f"accuracy {accuracy:.2f} % +- {spread:.2f} % over folds, {at}"
    for far, tar in result["tar"].items():
        line = f"TAR {100 * tar:.1f} %"
        if "intervals" in result:
            low, high = result["intervals"][far]
            line += f" ({100 * low:.1f} to {100 * high:.1f})"
        line += f" at FAR {100 * float(far):g} %"
        if "thresholds" in result:
            found = result["thresholds"][far]
            line += f", threshold {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
        yield line
    rests = f"{result['pairs']:,} pairs"
    if "impostors" in result:
        rests = f"{result['genuine']:,} pairs of one person and {result['impostors']:,} of two"
    if "people" in result:
        rests += f", {result['people']:,} people"
    rests += ", with mirror images" if result["flip"] else ", one view of each picture"
    yield f"{rests}; bounds of 95 % by bootstrap over people" if "intervals" in result else rests
