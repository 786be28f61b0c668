"""``pocketvision quantize FLOAT.onnx``: an int8 file for the compiler, calibrated on pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from .common import Verbs, new_verb, print_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "quantize", run, "Quantise a float ONNX file to int8.", "training")
    parser.add_argument("model", type=Path, metavar="FLOAT.onnx")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="aligned training crops"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.int8.onnx")
    parser.add_argument("--count", type=int, default=256, help="pictures, default %(default)d")
    parser.add_argument("--report", type=Path, metavar="FILE", help="what each layer lost")


def run(arguments: argparse.Namespace) -> int:
    """Quantise and print where the file is."""
    from ..training.quantize import quantize_model

    file = quantize_model(
        arguments.model,
        arguments.images,
        arguments.out,
        count=arguments.count,
        report=arguments.report,
    )
    if arguments.json:
        print_json({"model": str(arguments.model), "file": str(file)})
    else:
        print(file)
    return 0
