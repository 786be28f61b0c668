"""What the verbs share: options, the places that they write to, reading landmarks."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..faces.embedder import Embedder
from ..runtime.shipped import DEFAULT_MODEL, LOW_RESOLUTION_MODEL

Verbs = Any  # argparse names the type of add_subparsers() only privately


def new_verb(
    verbs: Verbs,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    extra: str = "image",
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """A subparser with --json; ``extra`` is what a missing module's error tells to install."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=summary, aliases=aliases
    )
    parser.add_argument("--json", action="store_true", help="print one JSON value on stdout")
    parser.set_defaults(run=run, extra=extra)
    return parser


def add_model_options(parser: argparse.ArgumentParser, *, calibration: bool = True) -> None:
    """--model or --low-resolution, --target and --calibration of the verbs that embed."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--model", default=None, help="shipped model or compiled file")
    one.add_argument(
        "--low-resolution",
        dest="model",
        action="store_const",
        const=LOW_RESOLUTION_MODEL,
        help=f"for faces from far away, of few pixels: --model {LOW_RESOLUTION_MODEL}",
    )
    parser.add_argument("--target", default=None, help="force a compiled variant")
    if calibration:
        parser.add_argument(
            "--calibration",
            default=None,
            metavar="FILE",
            help="thresholds that pocketvision calibrate wrote; those of a model of your own are "
            "found beside it",
        )


def make_embedder(arguments: argparse.Namespace, threads: int = 1) -> Embedder:
    """The embedder that --model and --target ask for."""
    model = DEFAULT_MODEL if arguments.model is None else arguments.model
    return Embedder(
        model, target=arguments.target, threads=threads, calibration=arguments.calibration
    )


def progress_wanted() -> bool:
    """Progress is for people: only where stderr is a terminal."""
    return sys.stderr.isatty()


def new_file(text: str) -> Path:
    """The type of an option that names a file to write: a wrong place is said before the work."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file in it")
    if path.exists() and not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written")
    if not is_stream(path):
        new_folder(os.path.dirname(os.path.realpath(path)) if path.is_symlink() else path.parent)
    return path


def is_stream(path: Path) -> bool:
    """Whether ``path`` is a device or a pipe."""
    return path.exists() and not path.is_file()


def is_stdout(path: Path) -> bool:
    """Whether what is written to ``path`` comes out where the rows are printed."""
    try:
        return os.path.samestat(path.stat(), os.fstat(1))
    except OSError:
        return False


def new_folder(text: str | Path) -> Path:
    """The type of an option that names a folder to write in, which need not exist yet."""
    path = Path(text)
    there = next(above for above in (path, *path.parents) if above.exists())
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"{there} is a file; expected a folder")
    if not os.access(there, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {there} cannot be written")
    return path


def require_file(path: Path, what: str) -> None:
    """Raises IsADirectoryError or FileNotFoundError where ``path`` is no file; ``what`` it is."""
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; give the {what} itself")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such {what}")


def read_landmarks(path: Path) -> dict[str, NDArray[np.float64]]:
    """Landmarks (F, 5, 2) of each picture that the CSV file names, by ``os.path.normpath``."""
    require_file(path, "landmarks file")
    faces: dict[str, list[list[float]]] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before UTF-8
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a CSV file of landmarks, got no UTF-8 text") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not CSV of landmarks: {error}") from None
    for number, row in rows:
        try:
            points = [float(value) for value in row[1:]]
        except ValueError:
            points = []
        if len(points) != 10:
            raise InputError(
                f"{path}:{number}: expected picture,x1,y1,...,x5,y5, got {','.join(row)[:80]!r}"
            )
        faces.setdefault(os.path.normpath(row[0]), []).append(points)
    return {name: np.asarray(points).reshape(-1, 5, 2) for name, points in faces.items()}
