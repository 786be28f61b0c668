"""Faces of whole photos as people find them, with tiles and the second look: recall, false boxes.

    python -m pocketvision.training.evaluate.detect.photos --data DIR

DIR: as of ``data/detect/faces.py``; its pictures kept from training, and their faces of at least 24
pixels. Prints CSV: a row of all that the detector finds, and one of what the second look leaves.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from pocketvision.faces.find.photo import SMALLEST, Faces
from pocketvision.runtime.shipped import DEFAULT_DETECTOR

from ...data.detect import Faces as Pictures
from ...data.detect import read
from .boxes import Found
from .opened import HALF
from .protocol import match, truth

COLUMNS = ("boxes", "pictures", "faces", "recall", "false a picture")


def judged(finder: Faces, kept: Pictures, *, doubtful: bool) -> tuple[int, float, float]:
    """Faces, recall at IoU 0.5, and boxes on none of them a picture.

    Args:
        doubtful: count what the second look takes for no face, too.
    """
    total = hits = alarms = 0
    for index, labels in enumerate(kept.labels):
        faces = finder.find(kept.picture(index), doubtful=doubtful)
        found = Found(
            np.array([face.score for face in faces], np.float32),
            np.array([face.box for face in faces], np.float32).reshape(-1, 4) + HALF,
            np.array([face.landmarks for face in faces], np.float32).reshape(-1, 5, 2) + HALF,
        )
        matched = match(found, truth(labels, SMALLEST))
        total += matched.total
        hits += int((matched.faces >= 0).sum())
        alarms += int((matched.faces < 0).sum())
    return total, hits / max(1, total), alarms / max(1, len(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, help="default %(default)s")
    parser.add_argument("--model", default="facechain-25m", help="whose crops the second look sees")
    given = parser.parse_args()
    try:
        finder = Faces(given.model, detector=given.detector)
        _, kept = read(given.data).parted()
        table = csv.writer(sys.stdout)
        table.writerow(COLUMNS)
        for name, doubtful in (("all", True), ("seen twice", False)):
            faces, recall, alarms = judged(finder, kept, doubtful=doubtful)
            table.writerow([name, len(kept), faces, f"{recall:.4f}", f"{alarms:.4f}"])
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
