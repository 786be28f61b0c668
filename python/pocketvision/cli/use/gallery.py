"""``pocketvision gallery ACTION FILE``: who is in a gallery, changes, copies, firmware's form."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...faces.gallery import key
from ...files import PRIVATE, write_whole
from .. import folders
from ..common import Verbs, add_model_options, new_file, new_verb
from ..galleries import add_key_options, add_threads, open_gallery, open_with_embedder
from ..photos import Photos, add_photo_options
from ..text import show, show_json, show_table

Run = Callable[[argparse.Namespace], int]

_DONE = {
    **{"remove": "marked as removed", "restore": "restored", "forget": "forgotten"},
    **{"rename": "renamed to ", "merge": "merged into "},
}
"""What is said of names that an action has changed."""


def add(verbs: Verbs) -> None:
    """Register the verb and its actions."""
    summary = "List and change a gallery, or export it for firmware."
    parser = verbs.add_parser("gallery", help=summary, description=summary)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = _action(actions, "list", _list, "Show who is enrolled.")
    one.add_argument("--removed", action="store_true", help="also those who are marked as gone")
    for name, summary in (
        ("remove", "Mark people as gone; they are kept, and not found."),
        ("restore", "Take back a removal."),
        ("forget", "Delete people for good: nothing of them stays in the file."),
    ):
        _action(actions, name, _change, summary).add_argument("names", nargs="+", metavar="NAME")
    one = _action(actions, "rename", _change, "Give a person another name.")
    one.add_argument("names", nargs=1, metavar="NAME")
    one.add_argument("to", metavar="NEW")
    one = _action(actions, "merge", _change, "Make two people one, under the name of the second.")
    one.add_argument("names", nargs=1, metavar="NAME")
    one.add_argument("to", metavar="INTO")
    one = _action(actions, "reject", _reject, "Say of pictures that they are not this person.")
    one.add_argument("name", metavar="NAME")
    one.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    add_threads(one)
    add_model_options(one)
    add_photo_options(one, one=True)
    one = _action(actions, "export", _export, "Write the form that firmware searches.")
    one.add_argument("--out", type=new_file, required=True, metavar="FILE.pvg")
    one.add_argument("--per-person", type=int, metavar="N", help="at most N templates of each")
    one.add_argument("--most", type=int, metavar="N", help="entries that there is room for")
    one = _action(actions, "copy", _copy, "Copy a gallery, with the same key, another or none.")
    one.add_argument("out", type=Path, metavar="NEW")
    other = one.add_mutually_exclusive_group()
    other.add_argument("--new-key-file", type=Path, metavar="FILE", help="of the copy")
    other.add_argument("--no-key", action="store_true", help="the copy is not encrypted")
    summary = "Draw a key for encrypted galleries; who loses it loses them."
    one = new_verb(actions, "key", _key, summary, extra="gallery")
    one.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a new file, mode 0600")
    one.add_argument("--keyring", metavar="NAME", help="put it into the system's keyring instead")


def _action(actions: Any, name: str, run: Run, summary: str) -> argparse.ArgumentParser:
    parser = new_verb(actions, name, run, summary, extra="gallery")
    parser.add_argument("gallery", type=Path, metavar="FILE", help="a gallery that enrol made")
    add_key_options(parser)
    return parser


def _list(arguments: argparse.Namespace) -> int:
    with open_gallery(arguments.gallery, arguments) as gallery:
        people = gallery.people(removed=arguments.removed)
        about = {
            "gallery": str(gallery.path),
            "model": gallery.model,
            "encrypted": gallery.encrypted,
            "generation": gallery.generation,
            "templates": gallery.size,
        }
    if arguments.json:
        show_json({**about, "people": [asdict(person) for person in people]})
        return 0
    lock = "encrypted" if about["encrypted"] else "not encrypted"
    show(
        f"{about['gallery']}: {len(people)} people, {about['templates']} templates of "
        f"{about['model']}, {lock}, change {about['generation']}"
    )
    heading = ("name", "templates", "low quality", "examples against", "")
    rows = [
        (
            *(person.name, str(person.templates), str(person.unreliable), str(person.rejected)),
            "removed" if person.removed else "",
        )
        for person in people
    ]
    if rows:
        show_table([heading, *rows], "  ")
    return 0


def _change(arguments: argparse.Namespace) -> int:
    """All names of a call, or none of them."""
    action, names = arguments.action, arguments.names
    to = (arguments.to,) if action in ("rename", "merge") else ()
    with open_gallery(arguments.gallery, arguments) as gallery:
        with gallery.batch():
            for name in names:
                getattr(gallery, action)(name, *to)
        people, templates = len(gallery), gallery.size
    if arguments.json:
        about = {"action": action, "names": names, "to": to[0] if to else None}
        show_json({**about, "people": people, "templates": templates})
    else:
        said = _DONE[action] + "".join(to)
        show(f"{', '.join(names)}: {said}; {people} people, {templates} templates are there")
    return 0


def _reject(arguments: argparse.Namespace) -> int:
    gallery, embedder = open_with_embedder(arguments.gallery, arguments)
    photos = Photos(embedder, arguments)
    found = list(photos.each(photos.one, arguments.pictures, folders.Bad(skip=False)))
    with gallery, gallery.batch():
        added = sum(
            gallery.reject(arguments.name, one.embeddings[0], str(path)) for path, one in found
        )
    if arguments.json:
        show_json({"name": arguments.name, "added": added})
    else:
        show(f"{arguments.name}: {added} new examples of who is not meant")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    with open_gallery(arguments.gallery, arguments) as gallery:
        found = gallery.to_firmware(per_person=arguments.per_person, most=arguments.most)
        people, model = len(set(found.names)), gallery.model
    data = found.to_bytes()
    write_whole(arguments.out, lambda file: file.write(data), PRIVATE)
    about = {"out": str(arguments.out), "bytes": len(data), "entries": len(found.names)}
    if arguments.json:
        show_json({**about, "people": people, "model": model})
    else:
        show(f"{arguments.out}: {about['entries']} templates of {people} people, {len(data)} bytes")
    return 0


def _copy(arguments: argparse.Namespace) -> int:
    with open_gallery(arguments.gallery, arguments) as gallery:
        if arguments.no_key:
            gallery.copy_to(arguments.out, key=None)
        elif arguments.new_key_file is not None:
            gallery.copy_to(arguments.out, key=arguments.new_key_file)
        else:
            gallery.copy_to(arguments.out)
        encrypted = arguments.new_key_file is not None or (
            gallery.encrypted and not arguments.no_key
        )
    if arguments.json:
        show_json({"out": str(arguments.out), "encrypted": encrypted})
    else:
        show(f"{arguments.out}: a copy, {'encrypted' if encrypted else 'not encrypted'}")
    return 0


def _key(arguments: argparse.Namespace) -> int:
    if (arguments.file is None) == (arguments.keyring is None):
        raise InputError("expected a FILE for the key, or --keyring NAME")
    if arguments.file is not None:
        key.new_key_file(arguments.file)
    else:
        key.new_keyring_key(arguments.keyring)
    place = arguments.file or f"the keyring, under {arguments.keyring}"
    if arguments.json:
        show_json({"key": str(place)})
    else:
        show(f"{place}: a new key. Keep a copy elsewhere: who loses it loses the gallery")
    return 0
