"""``pocketvision identify KNOWN UNKNOWN...``: whose the faces are, a row of CSV for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...faces.gallery.answer import Identification
from ...faces.gallery.gallery import Gallery
from .. import folders
from ..common import Verbs, add_model_options, make_embedder, new_verb
from ..draw import add_draw, check_place, draw, file_of
from ..galleries import add_enrol_options, add_key_options, enrol, open_with_embedder
from ..photos import Found, Photos, add_photo_options, box_cells
from ..text import show_csv, show_json

COLUMNS = (
    *("picture", "face", "name", "nearest", "score", "threshold", "fpir"),
    *("runner_up", "runner_up_score", "quality", "reliable", "reasons"),
)
EDGES = ("left", "top", "right", "bottom")
"""The last columns: where in a photo the face is; empty for aligned crops."""


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "identify", run, "Find out whose faces pictures show.")
    parser.add_argument(
        "known", type=Path, metavar="KNOWN",
        help="a gallery that enrol made, or a folder with NAME.jpg or folders NAME of pictures",
    )  # fmt: skip
    parser.add_argument(
        "unknown", nargs="+", type=Path, metavar="UNKNOWN", help="pictures, or folders of them"
    )
    parser.add_argument(
        "--fpir", type=float, default=0.01,
        help="share of strangers who may be taken for somebody, default %(default)g",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=float, metavar="SCORE", help="accept from this cosine, at no known rate"
    )
    add_draw(parser, "names")
    add_key_options(parser)
    add_enrol_options(parser)
    folders.add_skip_bad(parser)
    add_model_options(parser)
    add_photo_options(parser, one=True)


def run(arguments: argparse.Namespace) -> int:
    """Print a heading and a row for each face; ``name`` is empty where it is nobody's."""
    pictures, skipped = folders.pictures(arguments.unknown)
    check_place(arguments.draw, len(pictures))
    bad = folders.Bad(arguments.skip_bad)
    if arguments.known.is_dir():
        gallery, photos, more = _from_folder(arguments, bad)
        skipped += more
    else:
        gallery, embedder = open_with_embedder(arguments.known, arguments)
        photos = Photos(embedder, arguments)
    folders.tell(skipped)
    rows: list[dict[str, Any]] = []
    # On a terminal the rows come behind the progress; into a file each as it is known.
    early = not arguments.json and not sys.stdout.isatty()
    for row in _rows(gallery, photos, pictures, arguments, bad):
        if early:
            show_csv([(*COLUMNS, *EDGES)] * (not rows) + [_cells(row)])
        rows.append(row)
    bad.report()
    if not rows:
        raise InputError("no picture could be used; the reasons are above")
    if arguments.json:
        show_json(
            {
                "model": gallery.model,
                "gallery": str(arguments.known),
                "people": len(gallery),
                "faces": rows,
                "skipped": folders.data(skipped) + bad.data(),
            }
        )
    elif not early:
        show_csv([(*COLUMNS, *EDGES), *map(_cells, rows)])
    return bad.code


def _from_folder(
    arguments: argparse.Namespace, bad: folders.Bad
) -> tuple[Gallery, Photos, list[folders.Skipped]]:
    """The people of a folder as a gallery that no file keeps."""
    if arguments.key_file is not None or arguments.keyring is not None:
        raise InputError(f"{arguments.known}: is a folder, which has no key")
    found = folders.people(arguments.known)
    embedder = make_embedder(arguments)
    gallery, photos = Gallery.in_memory(embedder), Photos(embedder, arguments)
    if not enrol(gallery, photos, found.people, arguments, bad):
        bad.report()
        raise InputError(f"{arguments.known}: nobody could be enrolled; the reasons are above")
    return gallery, photos, found.skipped


def _rows(
    gallery: Gallery,
    photos: Photos,
    pictures: list[Path],
    arguments: argparse.Namespace,
    bad: folders.Bad,
) -> Iterator[dict[str, Any]]:
    numbers = {path: number for number, path in enumerate(pictures)}
    for path, found in photos.each(photos.all, pictures, bad):
        # Outside of what may be bad: a rate that is not calibrated ends the work.
        answers = gallery.identify(found.embeddings, arguments.fpir, threshold=arguments.threshold)
        if arguments.draw:
            _draw(file_of(arguments.draw, path, numbers[path]), found, answers)
        for face, answer in enumerate(answers):
            yield {
                "picture": str(path), "face": face, "box": found.box(face), **answer.to_dict(),
            }  # fmt: skip


def _draw(out: Path, found: Found, answers: list[Identification]) -> None:
    """The picture with who is in it; a crop is one face from edge to edge."""
    height, width = found.pixels.shape[:2]
    boxes = [
        found.drawn(index) or [0.0, 0.0, width - 1.0, height - 1.0] for index in range(len(found))
    ]
    labels = [
        "?" if answer.name is None else f"{answer.name} {answer.score:.2f}" for answer in answers
    ]
    sure = [answer.name is not None and answer.reliable is not False for answer in answers]
    draw(out, found.pixels, boxes, labels, sure=sure)


def _cells(row: dict[str, Any]) -> list[str]:
    return [*(_cell(row[key]) for key in COLUMNS), *(box_cells(row["box"]) or [""] * len(EDGES))]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
