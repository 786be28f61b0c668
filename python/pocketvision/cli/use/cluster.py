"""``pocketvision cluster FOLDER...``: the faces of a folder of photos, grouped by person."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...faces.embedder import Embedder
from .. import folders
from ..common import Verbs, add_model_options, make_embedder, new_file, new_verb
from ..photos import Photos, add_photo_options, told
from ..text import show, show_csv, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "cluster", run, "Group the faces of photos by person.", "image,groups")
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="FOLDER", help="of photos; or single ones"
    )
    parser.add_argument(
        "--out", type=new_file, metavar="HTML", help="one page with the faces of each group"
    )
    parser.add_argument(
        "--far", type=float, default=1e-3,
        help="false accept rate of the pair's threshold that groups, default %(default)g",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=float, metavar="SCORE", help="group from this cosine, at no known rate"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default %(default)d")
    folders.add_skip_bad(parser)
    add_model_options(parser)
    add_photo_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print ``group,picture,face,score`` of each face, the largest group first."""
    import scipy  # noqa: F401  # what is missing is said before the work

    from ...faces.groups import groups

    pictures, skipped = folders.pictures(arguments.pictures)
    folders.tell(skipped)
    embedder = make_embedder(arguments)
    threshold, how = _threshold(embedder, arguments)
    photos, bad = Photos(embedder, arguments), folders.Bad(arguments.skip_bad)
    rows: list[dict[str, Any]] = []
    vectors: list[Any] = []
    crops: list[Any] = []
    for path, found in photos.each(photos.all, pictures, bad):
        for face, vector in enumerate(found.embeddings):
            rows.append(
                {"picture": str(path), "face": face, "box": found.box(face), **told(vector)}
            )
            vectors.append(np.asarray(vector))
            if arguments.out is not None:
                crops.append(found.crop(face))
    bad.report()
    if not rows:
        raise InputError("no picture could be used; the reasons are above")
    made = groups(np.stack(vectors), threshold)
    for number, group in enumerate(made):
        for row, score in zip(group.rows, group.scores, strict=True):
            rows[row] |= {"group": number, "score": round(score, 4)}
    ordered = [rows[row] for group in made for row in group.rows]
    if arguments.out is not None:
        from ..sheet import write

        write(arguments.out, ordered, [crops[row] for group in made for row in group.rows], how)
    if arguments.json:
        missed = folders.data(skipped) + bad.data()
        show_json(
            {
                "model": embedder.name, "threshold": threshold, "groups": len(made),
                "out": None if arguments.out is None else str(arguments.out),
                "faces": ordered, "skipped": missed,
            }
        )  # fmt: skip
    else:
        head = ["group", "picture", "face", "score"]
        cells = ([str(row[key]) for key in head] for row in ordered)
        show_csv([head, *cells])
        if arguments.out is not None:
            show(f"written: {arguments.out}")
    return bad.code


def _threshold(embedder: Embedder, arguments: argparse.Namespace) -> tuple[float, str]:
    """The cosine that groups, and where it comes from, in words."""
    if arguments.threshold is not None:
        return arguments.threshold, (
            f"{embedder.name}; grouped from a mean cosine of {arguments.threshold:g} on, at no "
            "known rate"
        )
    try:
        entry = embedder.record.threshold_at(arguments.far)
    except ValueError as error:
        raise InputError(str(error)) from None
    return entry["threshold"], (
        f"{embedder.name}; grouped from a mean cosine of {entry['threshold']:.3f} on, which pairs "
        f"of strangers reach at a rate of {entry['far']:g} on {entry['dataset']}"
    )
