"""The pictures of a recipe: one of the kinds of sets, decoded once into a cache where asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from tqdm import tqdm

from pocketvision.files import PRIVATE, write_whole

from ...data import base, folder, record, shards
from ...run import ranks
from ...run.journal import write_rows
from ...run.parallel import parallel
from .recipe import Data


class Pictures(Protocol):
    """Labelled aligned crops by index."""

    labels: np.ndarray
    classes: int

    def image(self, index: int) -> np.ndarray:
        """Uint8 RGB (size, size, 3)."""

    def crops(self) -> np.ndarray:
        """All of them, uint8 (N, size, size, 3)."""


class Cached:
    """A set decoded into one file; corrupt pictures are left out and listed beside it."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, classes: int):
        self.pixels, self.labels, self.classes = pixels, labels, classes

    def image(self, index: int) -> np.ndarray:
        return np.asarray(self.pixels[index])

    def crops(self) -> np.ndarray:
        return self.pixels


class Direct:
    """A set decoded as it is read; in place of a corrupt picture comes the next whole one."""

    def __init__(self, faces: base.FaceSet):
        self.faces, self.labels, self.classes = faces, np.asarray(faces.labels), faces.classes

    def image(self, index: int) -> np.ndarray:
        for other in range(index, index + len(self.labels)):
            try:
                return self.faces.image(other % len(self.labels))
            except base.CorruptImageError as error:
                print(f"skipped: {error}", file=sys.stderr)
        raise ValueError("no picture of the set can be decoded; is this the right folder?")

    def crops(self) -> np.ndarray:
        raise ValueError(
            "embedding: a cached teacher, or a student smaller than its teacher, needs all "
            "crops at hand; set data.cache = true"
        )


def open_set(options: Data, root: Path, out: Path) -> Pictures:
    """The set that ``options`` names below ``root``, checked; a cache goes into ``out``.

    Raises:
        FileNotFoundError, ValueError: the set is missing, empty, or not of the stated size and
            number of classes.
    """
    place = root / options.root
    faces: base.FaceSet
    if options.kind == "folder":
        faces = folder.Folder(place, root / options.list if options.list else None)
    elif options.kind == "shards":
        faces = shards.Shards(sorted(place.glob("*.tar")) if place.is_dir() else [place])
    else:
        faces = record.Record(place)
    if not options.cache:
        base.check(faces, size=options.size, classes=options.classes)
        return Direct(faces)

    def decode() -> None:
        base.check(faces, size=options.size, classes=options.classes)
        _decode(faces, out, options.size)

    ranks.once(out / "crops.npy", decode)
    return _stored(faces, out, options.size)


def _decode(faces: base.FaceSet, out: Path, size: int) -> None:
    count = len(faces)
    kept: list[int] = []
    skipped: list[str] = []

    def write(file: BinaryIO) -> None:
        shape = (count, size, size, 3)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        found = parallel(lambda index: _decoded(faces, index), range(count))
        for index, pixels in enumerate(tqdm(found, "decoding", count, disable=None)):
            if isinstance(pixels, base.CorruptImageError):
                skipped.append(str(pixels))
                continue
            file.write(np.ascontiguousarray(pixels, np.uint8).data)
            kept.append(index)
        file.write(bytes(len(skipped) * size * size * 3))
        # Before the crops take their name, which says that all three files are there.
        if skipped:
            write_rows(out / "skipped.csv", [["picture"], *([reason] for reason in skipped)])
        write_whole(out / "kept.npy", lambda file: np.save(file, np.array(kept, np.int64)))

    write_whole(out / "crops.npy", write, PRIVATE)
    if skipped:
        print(
            f"{len(skipped)} corrupt pictures left out, see {out / 'skipped.csv'}", file=sys.stderr
        )


def _decoded(faces: base.FaceSet, index: int) -> np.ndarray | base.CorruptImageError:
    try:
        return faces.image(index)
    except base.CorruptImageError as error:
        return error


def _stored(faces: base.FaceSet, out: Path, size: int) -> Cached:
    pixels = _array(out / "crops.npy", mmap_mode="r")
    kept = _array(out / "kept.npy") if (out / "kept.npy").exists() else np.arange(len(faces))
    if pixels.shape != (len(faces), size, size, 3):
        raise ValueError(
            f"{out / 'crops.npy'}: holds {pixels.shape}, the set {len(faces)} of {size} pixels; "
            "delete it to decode anew"
        )
    return Cached(pixels[: len(kept)], np.asarray(faces.labels)[kept], faces.classes)


def _array(path: Path, **options: Any) -> np.ndarray:
    try:
        return np.asanyarray(np.load(path, **options))
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path}: not the array that a run leaves ({error}); delete it to decode anew"
        ) from error
