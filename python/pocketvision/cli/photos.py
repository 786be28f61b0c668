"""From a path to faces: an aligned crop, faces that a file of landmarks lists, or a plain photo."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..faces.embedder import Embedder
from ..faces.embeddings import Embeddings
from ..faces.quality import measurable
from ..pictures import read_picture
from ..runtime.lending import check_threads
from . import folders
from .common import read_landmarks, require_file
from .text import show

if TYPE_CHECKING:
    from ..faces.find.face import Face
    from ..faces.find.photo import Faces, Photo

CLEARLY = 2.0
"""How many times the area of the next face one has that a picture of several is of."""


@dataclass(frozen=True)
class Found:
    """The faces of one picture.

    ``embeddings``: (F, D), with their quality where it can be measured. ``faces``: of a photo,
    where they were found, largest first; empty for aligned crops and faces that landmarks place.
    ``pixels``: of the picture that was read, ``scale`` of the file for one. ``of``: how many faces
    it shows; more than F where one was taken. ``points``: (F, 5, 2) that were given.
    """

    embeddings: Embeddings
    pixels: Any = field(repr=False)
    faces: list[Face] = field(default_factory=list)
    of: int = 1
    scale: float = 1.0
    points: Any = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.embeddings)

    def box(self, index: int) -> list[float] | None:
        """Left, top, right, bottom of a face in pixels of the file; None where nobody looked."""
        return [round(edge, 2) for edge in self.faces[index].box] if self.faces else None

    def drawn(self, index: int) -> list[float] | None:
        """The same in ``pixels``, which are fewer than the file's where that is large."""
        if not self.faces:
            return None
        return [(edge + 0.5) / self.scale - 0.5 for edge in self.faces[index].box]

    def crop(self, index: int) -> Any:
        """The aligned face, uint8 RGB (H, W, 3)."""
        if self.faces:
            return self.faces[index].crop
        if self.points is None:
            return self.pixels
        from ..faces.alignment import align

        identity = self.embeddings.identity
        assert identity is not None  # an embedder made them
        recipe = identity.record.preprocess
        height, width = recipe["size"]
        template = recipe["template"]
        assert template is not None  # the faces were aligned to it
        (crop,) = align(self.pixels, self.points[index], size=(height, width), template=template)
        return crop

    def first(self) -> Found:
        """Of several the largest."""
        return replace(self, embeddings=self.embeddings[:1], faces=self.faces[:1])


def add_photo_options(parser: Any, *, one: bool = False) -> None:
    """--landmarks, --detector and --min-face of the verbs that embed pictures.

    ``one``: --largest too, for verbs that take a picture for one person's.
    """
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE",
        help="CSV without header: picture,x1,y1,...,x5,y5 in pixels, one line per face; without it "
        "a picture of the model's size is an aligned crop, and in others faces are found",
    )
    how.add_argument(
        "--detector", metavar="FILE", help="what finds faces: a shipped or a compiled detector"
    )
    parser.add_argument(
        "--min-face", type=int, metavar="N",
        help="pixels of the smallest face that is looked for; default a 24th of the shorter side, "
        "at least 24",
    )  # fmt: skip
    if one:
        parser.add_argument(
            "--largest", action="store_true", help="of several faces in a picture take the largest"
        )


class Photos:
    """Embeds the faces of pictures with one embedder and the options of a verb.

    Many threads may use one object. Raises what reading a file of landmarks raises.
    """

    def __init__(self, embedder: Embedder, arguments: argparse.Namespace) -> None:
        self._embedder, self._arguments = embedder, arguments
        self._threads = check_threads(getattr(arguments, "threads", 1))
        self._landmarks = read_landmarks(arguments.landmarks) if arguments.landmarks else None
        self._quality = measurable(embedder.record)
        height, width = embedder.record.preprocess["size"]
        self._size = (height, width)

    @cached_property
    def _finder(self) -> Faces:
        """Opened by the first photo: whoever has aligned crops does without."""
        from ..faces.find.photo import Faces
        from ..runtime.shipped import DEFAULT_DETECTOR

        return Faces(self._embedder, detector=self._arguments.detector or DEFAULT_DETECTOR)

    def all(self, path: Path) -> Found:
        """Every face of a picture, of a photo the largest first.

        Raises FileNotFoundError, IsADirectoryError, InputError that names the file: no picture, no
        face in it, or no line of landmarks.
        """
        require_file(path, "picture")
        if self._landmarks is not None:
            return self._listed(path, self._landmarks)
        if self._embedder.record.preprocess["template"] is None:
            return self._crop(path, read_picture(path))
        from ..faces.find.photo import open_photo

        photo = open_photo(path)
        if photo.size == self._size:
            return self._crop(path, photo.pixels)
        try:
            faces = self._finder.find(photo, min_face=self._arguments.min_face)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        if not faces:
            raise InputError(f"{path}: {self._nobody(photo)}")
        embedded = np.stack([face.embedding for face in faces])
        assert isinstance(embedded, Embeddings)  # joining them keeps model and quality
        return Found(embedded, photo.pixels, faces, len(faces), photo.scale)

    def one(self, path: Path) -> Found:
        """The face that a picture is of; InputError where it shows several that are alike large."""
        found = self.all(path)
        if len(found) == 1:
            return found
        if not found.faces:
            raise InputError(f"{path}: expected landmarks of one face, got {len(found)} faces")
        first, second = found.faces[:2]
        if not self._arguments.largest and first.area < CLEARLY * second.area:
            raise InputError(
                f"{path}: shows {len(found)} faces, and the largest ({first}) is not {CLEARLY:g} "
                f"times as large as the next ({second}), so that it is not clear whose picture it "
                "is. Cut the person out, or take the largest face (--largest)"
            )
        return found.first()

    def largest(self, path: Path) -> Found:
        """The largest face of a photo, said on stderr where there are others."""
        found = self.all(path)
        if len(found) > 1 and not found.faces:
            raise InputError(f"{path}: expected landmarks of one face, got {len(found)} faces")
        if len(found) > 1:
            told = f"{path}: shows {len(found)} faces; the largest is taken, {found.faces[0]}"
            show(told, file=sys.stderr)
        return found.first()

    def each(
        self, work: Callable[[Path], Found], paths: Sequence[Path], bad: folders.Bad
    ) -> Iterator[tuple[Path, Found]]:
        """``work`` of each path, in order and with progress, without those that are bad.

        Threads take whole pictures: decoding is most of the work.
        """

        def attempt(path: Path) -> Found | None:
            return bad.attempt(path, lambda: work(path))

        if self._threads == 1 or len(paths) == 1:
            yield from _zipped(paths, map(attempt, paths))
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self._threads) as pool:
            yield from _zipped(paths, pool.map(attempt, paths))

    def _embed(self, path: Path, images: Any, points: Any) -> Embeddings:
        try:
            if self._quality:
                return self._embedder.embed(images, points, return_quality=True)[0]
            return self._embedder.embed(images, points)
        except InputError as error:
            raise InputError(f"{path}: {str(error).replace('landmarks=', '--landmarks')}") from None

    def _crop(self, path: Path, pixels: Any) -> Found:
        return Found(self._embed(path, [pixels], None), pixels)

    def _listed(self, path: Path, listed: dict[str, Any]) -> Found:
        pixels = read_picture(path)
        points = listed.get(os.path.normpath(path), listed.get(path.name))
        if points is None:
            names = ", ".join(list(listed)[:3]) or "nothing"
            raise InputError(
                f"{path}: the landmarks file has no line for this picture; it names {names}"
                + (", ..." if len(listed) > 3 else "")
            )
        return Found(self._embed(path, pixels, points), pixels, of=len(points), points=points)

    def _nobody(self, photo: Photo) -> str:
        """Why nobody was found in a photo, and what to do next."""
        from ..faces.find.photo import smallest

        height, width = photo.size
        least = self._arguments.min_face or smallest(photo.size)
        text = (
            f"no face found in {width} x {height} pixels, where faces from {least} pixels on were"
        )
        text += " looked for"
        if self._finder.find(photo, min_face=self._arguments.min_face, upside_down=True):
            return f"{text}; turned on its side or upside down it shows one: turn the picture"
        doubtful = self._finder.find(photo, min_face=self._arguments.min_face, doubtful=True)
        if doubtful:
            text += f"; what looks most like one ({doubtful[0]}) is none for sure"
        return (
            f"{text}. For smaller ones give --min-face N, for a face whose points you know "
            "--landmarks FILE"
        )


def told(vector: Embeddings) -> dict[str, Any]:
    """What is known of a face's quality, for --json; nothing where it is not measured."""
    quality = getattr(vector, "quality", None)
    if quality is None:
        return {}
    return {"quality": int(quality.score), "reasons": list(quality.reasons)}


def box_cells(box: list[float] | None) -> list[str]:
    """Cells of CSV for a box; none for a face that nobody looked for."""
    return [] if box is None else [f"{edge:.2f}" for edge in box]


def _zipped(paths: Sequence[Path], found: Iterator[Found | None]) -> Iterator[tuple[Path, Found]]:
    for path in folders.counted(paths, "pictures"):
        face = next(found)
        if face is not None:
            yield path, face
