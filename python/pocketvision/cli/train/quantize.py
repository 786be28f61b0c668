"""``pocketvision quantize FLOAT.onnx``, or a run's weights: an int8 file for the compiler."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...faces.template import ARCFACE_TEMPLATE
from ..common import Verbs, new_file, new_verb, progress_wanted
from ..text import show, show_json

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "quantize", run, "Quantise a network to int8.", "training")
    parser.add_argument(
        "model", type=Path, help="a float ONNX file, or a training run's model.safetensors"
    )
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="pictures that calibrate; of a face network, aligned training crops",
    )
    data.add_argument(
        "--data",
        metavar="FILE|MODULE:FUNCTION",
        help="inputs that calibrate: .npy (N, ...), .npz with such an array for each input, or a "
        "function that yields mappings of input names to arrays",
    )
    parser.add_argument("--out", type=new_file, required=True, metavar="FILE.int8.onnx")
    parser.add_argument(
        "--count",
        type=int,
        help="pictures or samples that calibrate, default 256; 32 more choose the method. Where "
        "there are fewer, all are taken",
    )
    parser.add_argument("--report", type=new_file, metavar="FILE", help="what each layer lost")
    seen = parser.add_argument_group("pictures, of a file without a record")
    seen.add_argument("--colour", choices=("RGB", "BGR", "grey"), help="default: RGB, or grey")
    for name, example in (("mean", "127.5"), ("std", "127.5")):
        seen.add_argument(
            f"--{name}",
            type=_numbers(name),
            metavar="N[,N,N]",
            help=f"in 8-bit pixels: {example}, one number a channel, or imagenet",
        )
    seen.add_argument(
        "--size", type=_size, metavar="HxW", help="height and width, where the network's are free"
    )
    seen.add_argument("--task", help="face-embedding writes a record for `pocketvision embed`")
    seen.add_argument(
        "--template",
        type=_template,
        metavar="arcface|X,Y,...",
        help="with --task: the five points of the aligned crop",
    )


def run(arguments: argparse.Namespace) -> int:
    """Quantise; print where the file is, and the cosine of each output to the float file's."""
    if arguments.model.suffix == ".safetensors":
        from ...training.quantize.trained import quantize_weights

        quantize: Callable[..., Any] = quantize_weights
    else:
        from ...training.quantize import quantize_model

        quantize = quantize_model
    if arguments.data is not None and ":" in arguments.data:
        sys.path.insert(0, os.getcwd())  # as `python -m` finds a user's modules
    names = ("colour", "mean", "std", "size", "template", "task")
    given = {name: getattr(arguments, name) for name in names}
    done = quantize(
        arguments.model,
        arguments.images or arguments.data,
        arguments.out,
        count=arguments.count,
        report=arguments.report,
        progress=progress_wanted(),
        **{name: value for name, value in given.items() if value is not None},
    )
    if arguments.json:
        show_json(
            {
                "model": str(arguments.model),
                "file": str(done.file),
                "method": done.method,
                "cosines": done.cosines,
            }
        )
    else:
        show(done.file)
    return 0


def _numbers(name: str) -> Callable[[str], list[float]]:
    def parse(text: str) -> list[float]:
        if text == "imagenet":
            return IMAGENET[name]
        try:
            return [float(part) for part in text.split(",")]
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a number, one a channel with commas between, or imagenet"
            ) from None

    return parse


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r}: expected HxW such as 240x320, or one number")
    return int(sides[0]), int(sides[-1])


def _template(text: str) -> list[list[float]]:
    if text == "arcface":
        return [list(point) for point in ARCFACE_TEMPLATE]
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 10:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected arcface, or x1,y1,...,x5,y5 in pixels of the crop"
        )
    return [numbers[place : place + 2] for place in range(0, 10, 2)]
