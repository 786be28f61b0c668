"""``pocketvision quantize FLOAT.onnx``, or a run's weights: an int8 file for the compiler."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..common import Verbs, new_file, new_verb
from ..text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "quantize", run, "Quantise a network to int8.", "training")
    parser.add_argument(
        "model", type=Path, help="a float ONNX file, or a training run's model.safetensors"
    )
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="aligned training crops"
    )
    parser.add_argument("--out", type=new_file, required=True, metavar="FILE.int8.onnx")
    parser.add_argument(
        "--count",
        type=int,
        default=256,
        help="pictures that calibrate, default %(default)d; 32 more choose the method",
    )
    parser.add_argument("--report", type=new_file, metavar="FILE", help="what each layer lost")


def run(arguments: argparse.Namespace) -> int:
    """Quantise and print where the file is."""
    if arguments.model.suffix == ".safetensors":
        from ...training.quantize.trained import quantize_weights

        quantize: Callable[..., Path] = quantize_weights
    else:
        from ...training.quantize import quantize_model

        quantize = quantize_model
    file = quantize(
        arguments.model,
        arguments.images,
        arguments.out,
        count=arguments.count,
        report=arguments.report,
    )
    if arguments.json:
        show_json({"model": str(arguments.model), "file": str(file)})
    else:
        show(file)
    return 0
