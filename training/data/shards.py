"""Tar shards as WebDataset writes them: ``key.jpg`` beside ``key.cls`` or ``key.json``."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from pocketvision.files import PICTURES

from .base import stamp
from .pictures import EncodedSet, numbered


class Shards(EncodedSet):
    """Pictures in tar files, indexed once, read by offset.

    Raises:
        FileNotFoundError: no shard.
        ValueError: a shard is cut short or not a tar file, or a picture has no label.
    """

    def __init__(self, files: Sequence[Path]):
        if not files:
            raise FileNotFoundError("no .tar shard found; data.root names a folder of them or one")
        self.files = list(files)
        self.places: list[tuple[int, int, int, str]] = []
        found: list[str] = []
        for number, file in enumerate(self.files):
            members, labels = _index(file)
            for key, (offset, size, name) in members.items():
                if key not in labels:
                    raise ValueError(
                        f"{file}: {name} has no label; expected {key}.cls or {key}.json beside it"
                    )
                self.places.append((number, offset, size, name))
                found.append(labels[key])
        names = sorted(set(found), key=lambda name: (len(name), name))
        super().__init__(names, numbered(names, found))

    def encoded(self, index: int) -> tuple[bytes, str]:
        number, offset, size, name = self.places[index]
        with open(self.files[number], "rb") as file:
            file.seek(offset)
            return file.read(size), f"{self.files[number]}: {name}"

    def stamp(self) -> str:
        return stamp(self.files)


def _index(file: Path) -> tuple[dict[str, tuple[int, int, str]], dict[str, str]]:
    members: dict[str, tuple[int, int, str]] = {}
    labels: dict[str, str] = {}
    try:
        length = file.stat().st_size
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                if not member.isfile():
                    continue
                if member.offset_data + member.size > length:
                    raise tarfile.ReadError(f"{member.name} ends past the file")
                key, _, suffix = member.name.rpartition(".")
                if "." + suffix.lower() in PICTURES:
                    members[key] = (member.offset_data, member.size, member.name)
                elif suffix in ("cls", "json"):
                    content = archive.extractfile(member)
                    assert content is not None
                    text = content.read().decode()
                    labels[key] = (
                        str(json.loads(text)["label"]) if suffix == "json" else text.strip()
                    )
    except FileNotFoundError:
        raise FileNotFoundError(f"{file}: no such shard") from None
    except (tarfile.TarError, json.JSONDecodeError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not a whole tar shard ({error}); get it again") from error
    return members, labels
