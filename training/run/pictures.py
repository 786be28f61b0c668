"""The pictures of a recipe: one of the kinds of sets, decoded once into a cache where asked."""

from __future__ import annotations

import csv
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from tqdm import tqdm

from pocketvision.files import PRIVATE, write_text, write_whole

from ..data import base, folder, joined, record, shards
from ..data.aside import aside
from . import ranks, state
from .journal import write_rows
from .parallel import parallel


@dataclass(frozen=True)
class Source:
    """One set of several. ``root``, ``kind`` and ``list`` as in :class:`Data`.

    ``weight``: how often each of its pictures comes in an epoch. ``aside``: leave out what is kept
    to judge by (``data/aside.py``, by the paths of the list).
    """

    root: str
    kind: str = "folder"
    list: str | None = None
    weight: float = 1.0
    aside: bool = False

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(f"data.sources.weight: expected above 0, got {self.weight}")
        if self.aside and self.kind != "folder":
            raise ValueError("data.sources.aside: only folders have names to choose by")


@dataclass(frozen=True)
class Data:
    """Where the pictures are, relative to $POCKETVISION_DATA: ``root``, or several ``sources``.

    ``kind``: ``folder`` (root/person/picture, or only those of ``list``, a CSV with the columns
    path and identity), ``shards`` (tar files below root), ``record`` (InsightFace's train.rec and
    .idx). ``cache`` decodes all pictures once into one file of the run's folder: for sets that fit
    the disk. ``resident`` keeps them all on the run's device: a GPU waits for no picture then.
    """

    root: str = ""
    kind: str = "folder"
    list: str | None = None
    size: int = 112
    cache: bool = False
    resident: bool = False
    workers: int = 0
    classes: int | None = None
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.root) == bool(self.sources):
            raise ValueError("data: expected either root or sources")
        if self.sources and (self.list is not None or self.kind != "folder"):
            raise ValueError("data: kind and list stand in each of the sources, not beside them")

    @property
    def named(self) -> str:
        """What a record calls the set."""
        return self.root or " + ".join(
            source.root + (f" x {source.weight:g}" if source.weight != 1 else "")
            for source in self.sources
        )


KINDS = ("folder", "shards", "record")
CHOICES = {("Data", "kind"): KINDS, ("Source", "kind"): KINDS}
"""What ``tables.build`` lets these two be."""


class Pictures(Protocol):
    """Labelled aligned crops by index."""

    labels: np.ndarray
    weights: np.ndarray
    classes: int
    skipped: list[str]

    def image(self, index: int) -> np.ndarray:
        """Uint8 RGB (size, size, 3)."""

    def crops(self) -> np.ndarray:
        """All of them, uint8 (N, size, size, 3)."""


class Cached:
    """A set decoded into one file; corrupt pictures are left out and listed beside it."""

    def __init__(
        self,
        pixels: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        classes: int,
        skipped: list[str],
    ):
        self.pixels, self.labels, self.weights = pixels, labels, weights
        self.classes, self.skipped = classes, skipped

    def image(self, index: int) -> np.ndarray:
        return np.asarray(self.pixels[index])

    def crops(self) -> np.ndarray:
        return self.pixels


class Direct:
    """A set decoded as it is read; in place of a corrupt picture comes the next whole one."""

    def __init__(self, faces: base.FaceSet):
        self.faces, self.labels, self.classes = faces, np.asarray(faces.labels), faces.classes
        self.skipped: list[str] = getattr(faces, "skipped", [])
        self.weights = _weights(faces)

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


def open_set(
    options: Data, root: Path, out: Path, landmarks: folder.Landmarks | None = None
) -> Pictures:
    """The set that ``options`` names below ``root``, checked; a cache goes into ``out``.

    What an earlier start left in ``out`` stays where the set is still the same, and is made anew
    where files have come or gone.

    Args:
        landmarks: of the faces in pictures that are no aligned crops yet, of a folder.

    Raises:
        FileNotFoundError, ValueError: the set is missing, empty, or not of the stated size and
            number of classes, or has changed since a run that would go on here began.
    """
    if landmarks is not None and (options.kind != "folder" or options.sources):
        raise ValueError(
            f"landmarks: only a folder's pictures take them, not data.kind = {options.kind!r}"
            if options.root
            else "landmarks: only one folder's pictures take them, not several sources"
        )
    faces: base.FaceSet
    if options.sources:
        faces = joined.Joined([(_one(source, root), source.weight) for source in options.sources])
    else:
        whole = Source(options.root, options.kind, options.list)
        faces = _one(whole, root, landmarks, options.size)
    if not options.cache:
        base.check(faces, size=options.size, classes=options.classes)
        return Direct(faces)

    def decode() -> None:
        base.check(faces, size=options.size, classes=options.classes)
        _decode(faces, out, options.size)

    if ranks.rank() == 0:
        _forget_others(faces, out)
    ranks.once(out / "crops.npy", decode)
    return _stored(faces, out, options.size)


def _one(
    source: Source, root: Path, landmarks: folder.Landmarks | None = None, size: int = 112
) -> base.FaceSet:
    place = root / source.root
    if source.kind == "shards":
        return shards.Shards(sorted(place.glob("*.tar")) if place.is_dir() else [place])
    if source.kind == "record":
        return record.Record(place)
    listed = root / source.list if source.list else None
    faces = folder.Folder(place, listed, landmarks, size)
    if not source.aside:
        return faces
    return joined.Without(faces, np.array([aside(file) for file in faces.files]))


def _weights(faces: base.FaceSet) -> np.ndarray:
    return np.asarray(getattr(faces, "weights", np.ones(len(faces))))


def _forget_others(faces: base.FaceSet, out: Path) -> None:
    """Removes what was decoded, and embedded by a teacher, of a set of other files."""
    file, stamp = out / "pictures.sha256", faces.stamp()
    if file.exists() and file.read_text().strip() != stamp:
        if (out / state.LAST).exists():
            raise ValueError(
                f"{out}: its run began with other pictures than are there now; give --out another "
                f"folder, or delete {out} to start over"
            )
        print("the pictures have changed: decoded anew", file=sys.stderr)
        for name in ("crops.npy", "kept.npy", "skipped.csv", "teacher.npy"):
            (out / name).unlink(missing_ok=True)
        shutil.rmtree(out / "teacher.parts", ignore_errors=True)
    write_text(file, stamp + "\n")


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
        if not kept:
            raise ValueError(f"none of {count} pictures can be read, the first: {skipped[0]}")
        file.seek(0)  # headers have room for a longer first axis, so that all are of one length
        np.lib.format.write_array_header_1_0(file, header | {"shape": (len(kept), *shape[1:])})
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
    known = len(pixels) in (len(kept), len(faces)) and int(kept.max(initial=0)) < len(faces)
    if not known or pixels.shape[1:] != (size, size, 3):
        raise ValueError(
            f"{out / 'crops.npy'}: holds {pixels.shape}, the set {len(faces)} of {size} pixels; "
            "delete it to decode anew"
        )
    skipped = list(getattr(faces, "skipped", []))
    if (out / "skipped.csv").exists():
        with open(out / "skipped.csv", newline="") as file:
            skipped += [row["picture"] for row in csv.DictReader(file)]
    labels, weights = np.asarray(faces.labels)[kept], _weights(faces)[kept]
    return Cached(pixels[: len(kept)], labels, weights, faces.classes, skipped)


def _array(path: Path, **options: Any) -> np.ndarray:
    try:
        return np.asanyarray(np.load(path, **options))
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path}: not the array that a run leaves ({error}); delete it to decode anew"
        ) from error
