"""``pocketvision restore IN OUT.png --model FILE``: a face of few pixels made sharp, to look at."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....files import PRIVATE, write_whole
from ....pictures import read_picture
from ...common import Verbs, new_file, new_verb, read_landmarks, require_file
from ...text import show, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "restore", run, "Make a face of few pixels sharp, to look at.")
    parser.add_argument("picture", type=Path, metavar="IN", help="a square crop of a face")
    parser.add_argument("out", type=new_file, metavar="OUT.png")
    parser.add_argument("--model", required=True, metavar="FILE", help="compiled network")
    parser.add_argument("--target", default=None, help="force a compiled variant")
    parser.add_argument(
        "--sheet", type=new_file, metavar="FILE.png", help="before and after, side by side"
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="of a face in a whole picture: CSV without header, picture,x1,y1,...,x5,y5",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the restored face, and print which model made it."""
    from ....restore.restorer import Restorer, sheet

    restorer = Restorer(arguments.model, target=arguments.target)
    path: Path = arguments.picture
    require_file(path, "picture")
    points = None
    if arguments.landmarks is not None:
        every = read_landmarks(arguments.landmarks)
        points = every.get(os.path.normpath(path), every.get(path.name))
        if points is None:
            raise InputError(f"{path}: the landmarks file has no line for this picture")
    try:
        before = restorer.enlarged(read_picture(path), points)
    except InputError as error:
        said = str(error).replace("landmarks of the face", "--landmarks of the face")
        raise InputError(f"{path}: {said.removeprefix('picture: ')}") from None
    after = restorer.restore(before)
    _save(arguments.out, after)
    if arguments.sheet is not None:
        _save(arguments.sheet, sheet(before, after))
    if arguments.json:
        told = {"model": restorer.record.full_name, "target": restorer.model.target}
        written = {
            key: None if file is None else str(file)
            for key, file in (("out", arguments.out), ("sheet", arguments.sheet))
        }
        show_json({**told, "picture": str(path), **written})
    else:
        show(f"{arguments.out}: restored by {restorer.record.full_name}; no evidence of who it is")
    return 0


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    from PIL import Image

    write_whole(path, lambda file: Image.fromarray(pixels).save(file, "PNG"), PRIVATE)
