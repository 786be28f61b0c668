"""Recall, precision and landmarks of a detector beside YuNet's, on pictures kept from training.

    python -m pocketvision.training.evaluate.detect MODEL --data DIR --yunet yunet.onnx

MODEL: a run's ``model.safetensors``, an int8 file (``.onnx``), or a compiled detector (``.so``).
DIR: as of ``data/detect/faces.py``. Prints CSV: a row a source of pictures and one of all, for each
of the two; of faces of at least 10 pixels in the input.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from ...data.detect import Faces, read
from .judge import judge
from .opened import opened
from .seen import Detector
from .yunet import YuNet

COLUMNS = ("detector", "source", "pictures", "faces", "recall", "std", "precision", "error")


def rows(name: str, detect: Detector, kept: Faces, size: tuple[int, int]) -> Iterator[list[object]]:
    """A row a source that has faces, and one of all."""
    for source in (*sorted(set(kept.sources)), "all"):
        places = [i for i, own in enumerate(kept.sources) if source in (own, "all")]
        try:
            found = judge(detect, kept.chosen(places), *size)
        except ValueError:  # a source of pictures without faces
            continue
        numbers = (found.recall, found.std, found.precision, found.error)
        yield [name, source, found.pictures, found.faces, *(f"{value:.4f}" for value in numbers)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, help="OpenCV zoo's file, to be compared with")
    parser.add_argument("--size", metavar="HxW", help="input of both; default: the model's own")
    given = parser.parse_args()
    try:
        size = None
        if given.size:
            high, wide = given.size.split("x")
            size = int(high), int(wide)
        detect, own = opened(given.model, size)
        _, kept = read(given.data).parted()
        table = csv.writer(sys.stdout)
        table.writerow(COLUMNS)
        table.writerows(rows(given.model.name, detect, kept, own))
        if given.yunet:
            table.writerows(rows("YuNet", YuNet(given.yunet).detector(*own), kept, own))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
