"""The directions of unrecognisable faces written into a shipped model's records.

    python -m pocketvision.training.restate_unrecognisable facechain-25m \\
        --weights training/weights --data $POCKETVISION_DATA

By the installed model (:mod:`training.quality.unrecognisable` says how); two minutes on one core.
All else stays, the digests that name the files follow, and the model is then built anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from pocketvision import Embedder

from . import models, restate
from .data import spoil
from .data.pictures import decode
from .quality import samples
from .quality.unrecognisable import CLEAN_BELOW, centres, directions, entry, one_each

SET = ("train_112", "train_list.csv")

PEOPLE = 200
"""Whose pictures are spoilt: a centre's noise is then a fourteenth of an embedding."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="a shipped network, installed")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument("--data", type=Path, required=True, help=f"{SET[0]}/ and {SET[1]}")
    given = parser.parse_args()
    try:
        name = models.entry(given.name).name.replace("_", "-")
        faces = samples.faces(given.data / SET[0], given.data / SET[1])
        spoilt, clean = (
            np.stack([decode(face.path, face.name) for face in chosen])
            for chosen in (one_each(faces, kept=False)[:PEOPLE], one_each(faces, kept=True))
        )
        embed = Embedder(name).embed
        along = directions(centres(embed, spoilt, progress=sys.stderr.isatty()))
        data = (
            f"{len(spoilt)} people of {SET[0]}, spoilt in {len(spoil.SHOWN)} ways; level: "
            f"{CLEAN_BELOW:.0%} of {len(clean)} others"
        )
        field = {"unrecognisable": entry(along, samples.unit(np.asarray(embed(clean))), data)}
        restate.rewrite(name, given.weights, lambda _: field, lambda _: field)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    print(f"{name}: level {field['unrecognisable']['level']}; {data}. Now build it again")


if __name__ == "__main__":
    main()
