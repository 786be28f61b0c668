"""Does the quality of a face predict a wrong answer? Tables, JSON or a picture.

    python -m pocketvision.training.evaluate.faces.quality --lfw lfw_112 --pairs lfw_pairs.txt \\
        --detector detector --plot quality.png

Of every class of spoilt pictures: how many pass the gate, and how many pairs of different people
match at the model's 1 % threshold before it and behind it. ``--detector``: a folder with true
landmarks (``landmarks.py`` says its form).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pocketvision.files import write_text

from . import report, run


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=run.MODELS)
    parser.add_argument("--lfw", type=Path, required=True, help="aligned crops of LFW")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument("--detector", type=Path, help="pictures with true landmarks")
    parser.add_argument("--people", type=int, default=600, help="faces of a class")
    parser.add_argument("--far", type=float, default=1e-2, help="which threshold of the record")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--plot", type=Path, help="write a picture")
    given = parser.parse_args()
    try:
        found = run.evaluate(
            given.models, given.lfw, given.pairs, given.detector, given.people, given.far,
            progress=sys.stderr.isatty(),
        )  # fmt: skip
    except (OSError, ValueError) as error:
        parser.error(str(error))
    report.show(found)
    if given.json:
        write_text(given.json, json.dumps(found.to_dict(), indent=1) + "\n")
    if given.plot:
        report.plot(given.plot, found)


if __name__ == "__main__":
    main()
