"""What the verbs of galleries share: keys, opening one with its model, enrolling pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..faces.embedder import Embedder
from ..faces.embeddings import Embeddings
from ..faces.gallery import key
from ..faces.gallery.gallery import Gallery
from . import folders
from .common import make_embedder
from .photos import Photos

if TYPE_CHECKING:
    from ..faces.gallery.enrolling import Enrolment


def add_key_options(parser: Any) -> None:
    """--key-file and --keyring of an encrypted gallery."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="of an encrypted gallery: gallery key makes it",
    )
    one.add_argument("--keyring", metavar="NAME", help="the key under NAME in the system's keyring")


def add_threads(parser: Any) -> None:
    """--threads of the verbs that embed many pictures."""
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default %(default)d")


def add_enrol_options(parser: Any) -> None:
    """What an enrolment lets pass."""
    add_threads(parser)
    parser.add_argument(
        "--allow-unreliable", action="store_true", help="enrol faces of too low quality too"
    )
    parser.add_argument(
        "--allow-duplicate", action="store_true", help="enrol people who look like others too"
    )


def key_of(arguments: argparse.Namespace) -> bytes | None:
    """The key that the options name."""
    found = arguments.key_file
    if arguments.keyring is not None:
        found = key.keyring_key(arguments.keyring)
    return key.checked_key(found)


def open_gallery(path: Path, arguments: argparse.Namespace) -> Gallery:
    """A gallery that is there, without its model."""
    return Gallery.open(path, key=key_of(arguments), create=False)


def open_with_embedder(path: Path, arguments: argparse.Namespace) -> tuple[Gallery, Embedder]:
    """A gallery that is there, and the embedder of --model or else of the model that it names."""
    known, wanted = key_of(arguments), arguments.model
    if wanted is None:
        with Gallery.open(path, key=known, create=False) as gallery:
            wanted = gallery.model
    try:
        embedder = make_embedder(argparse.Namespace(**{**vars(arguments), "model": wanted}))
    except InputError as error:
        if arguments.model is not None:
            raise
        raise InputError(
            f"{path}: is a gallery of {wanted}, and {error} Name the file with --model."
        ) from None
    return Gallery.open(path, model=embedder, key=known, create=False), embedder


def enrol(
    gallery: Gallery,
    photos: Photos,
    people: Sequence[tuple[str, Path]],
    arguments: argparse.Namespace,
    bad: folders.Bad,
) -> list[dict[str, Any]]:
    """Enrols a face of each picture and writes the gallery once, at the end, or not at all.

    Returns name, picture and what became of it: ``added`` or ``already there``, and whom it is
    like.
    """
    places = [path for _, path in people]
    embedded = {path: one.embeddings[0] for path, one in photos.each(photos.one, places, bad)}
    rows: list[dict[str, Any]] = []
    with gallery.batch():
        for name, path in people:
            done = None
            if path in embedded:
                work = partial(_enrol, gallery, name, path, embedded[path], arguments)
                done = bad.attempt(path, work)
            if done is not None:
                state = "added" if done.added else "already there"
                like = [{"name": other, "score": score} for other, score in done.like]
                rows.append({"name": name, "picture": str(path), "state": state, "like": like})
    return rows


def _enrol(
    gallery: Gallery, name: str, path: Path, face: Embeddings, arguments: argparse.Namespace
) -> Enrolment:
    try:
        return gallery.enrol(
            name,
            face,
            picture=str(path),
            allow_duplicate=arguments.allow_duplicate,
            allow_unreliable=arguments.allow_unreliable,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
