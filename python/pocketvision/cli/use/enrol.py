"""``pocketvision enrol FOLDER|PICTURE... --gallery FILE``: people become known to a gallery."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import InputError
from ...faces.gallery.gallery import Gallery
from .. import folders
from ..common import Verbs, add_model_options, make_embedder, new_file, new_verb
from ..galleries import (
    add_enrol_options,
    add_key_options,
    enrol,
    key_of,
    open_with_embedder,
)
from ..photos import Photos, add_photo_options
from ..text import show_csv, show_json


def add(verbs: Verbs) -> None:
    """Register the verb."""
    parser = new_verb(verbs, "enrol", run, "Enrol people in a gallery on this machine.")
    parser.add_argument(
        "sources", nargs="+", type=Path, metavar="SOURCE",
        help="a folder with NAME.jpg or folders NAME of pictures; or pictures NAME.jpg",
    )  # fmt: skip
    parser.add_argument(
        "--gallery", type=new_file, required=True, metavar="FILE", help="made if it is not there"
    )
    parser.add_argument("--name", help="all pictures, also those of folders, are of this person")
    add_key_options(parser)
    add_enrol_options(parser)
    folders.add_skip_bad(parser)
    add_model_options(parser)
    add_photo_options(parser, one=True)


def run(arguments: argparse.Namespace) -> int:
    """Print ``name,picture,state`` of each; the gallery is written once, at the end."""
    found, skipped = people(arguments.sources, arguments.name)
    folders.tell(skipped)
    path, key, bad = arguments.gallery, key_of(arguments), folders.Bad(arguments.skip_bad)
    if new := not path.exists():
        # Made in memory first: of a call that fails no empty gallery is left.
        embedder = make_embedder(arguments)
        gallery = Gallery.in_memory(embedder)
    else:
        gallery, embedder = open_with_embedder(path, arguments)
    with gallery:
        rows = enrol(gallery, Photos(embedder, arguments), found, arguments, bad)
        bad.report()
        if not rows:
            raise InputError("no picture could be used; the reasons are above")
        if new:
            gallery.copy_to(path, key=key)
        if arguments.json:
            show_json(
                {
                    "model": gallery.model,
                    "gallery": str(path),
                    "people": len(gallery),
                    "templates": gallery.size,
                    "enrolled": rows,
                    "skipped": folders.data(skipped) + bad.data(),
                }
            )
        else:
            show_csv(
                (row["name"], row["picture"], _state(row["state"], row["like"])) for row in rows
            )
    return bad.code


def people(
    sources: list[Path], name: str | None
) -> tuple[list[tuple[str, Path]], list[folders.Skipped]]:
    """Name and picture of each face; what of folders is skipped."""
    if name is not None:
        pictures, skipped = folders.pictures(sources)
        return [(name, path) for path in pictures], skipped
    found: list[tuple[str, Path]] = []
    skipped = []
    for source in sources:
        if source.is_dir():
            inside = folders.people(source)
            found += inside.people
            skipped += inside.skipped
        elif source.exists():
            found.append((source.stem, source))
        else:
            raise FileNotFoundError(f"{source}: no such picture or folder")
    return found, skipped


def _state(state: str, like: list[dict[str, object]]) -> str:
    return state + "".join(f", like {one['name']} ({one['score']:.3f})" for one in like)
