"""Embedder: faces to unit-norm vectors with one compiled model."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError, shown
from ..record import Record
from ..runtime.arrays import integer
from ..runtime.lending import Lending, check_threads
from ..runtime.model import Model
from ..runtime.shipped import DEFAULT_MODEL, is_path
from .alignment import check_faces, check_landmarks
from .calibration.place import beside
from .embeddings import Embeddings, Identity, embeddings
from .inputs import aligned, open_picture, placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Run = Callable[[_runtime.Workers, int, NDArray[Any] | None], NDArray[np.float32]]


class Embedder:
    """Turns faces into embeddings; one object may be used from many threads at once.

    ``model``: name of a shipped model (``pocketvision info`` lists them) or path of a file that
    ``pocketvision compile`` wrote. ``target``: forces a compiled variant instead of the best for
    this processor. ``threads``: how many share the faces of one call, the caller among them; the
    others sleep between calls, and calls at the same time have others each. The bytes of a result
    do not depend on it. A child process after ``os.fork`` starts threads of its own.
    ``with`` ends its threads, as ``close`` does. Copies and pickles hold the model's name or path
    and the options; where they are opened, that must mean the same weights.
    ``calibration``: a file that ``pocketvision calibrate`` wrote of this model; its thresholds take
    the place of the record's. That of a file of one's own is found beside it
    (``FACE.calibration.json`` of ``FACE.so`` or ``FACE.TARGET.so``); with False, not even that is
    read.
    Raises InputError for an unknown name or number of threads, or another model's calibration;
    FileNotFoundError, ModelFileError.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        target: str | None = None,
        threads: int = 1,
        calibration: str | os.PathLike[str] | Literal[False] | None = None,
    ) -> None:
        self.threads = check_threads(threads)
        self.model = Model(model, target=target)
        self._given = self.model.path if is_path(model) else os.fspath(model), target
        self._calibration = _file(calibration)
        self.record = record_of(self.model, self._calibration)
        recipe = self.record.preprocess
        self._tables = _runtime.PixelTables(
            self.model.inputs[0], recipe["mean"], recipe["std"], recipe["colour"] == "BGR"
        )
        # Not a lambda, which would hold self and keep its threads until the next collection.
        self._workers = Lending(partial(self.model.workers, self.threads))

    def __repr__(self) -> str:
        return f"Embedder({self.name!r}, target={self.target!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        options = self.threads, self.model.source_sha256, self._calibration
        return _again, (type(self), *self._given, *options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """Full name ``name.tag`` of the weights; ``Embedder`` takes that of a shipped model."""
        return self.record.full_name

    @property
    def target(self) -> str:
        """Compiled variant that runs, such as ``x86-64-vnni``."""
        return self.model.target

    @property
    def dimension(self) -> int:
        """Length D of an embedding."""
        return self.record.embedding

    @property
    def identity(self) -> Identity:
        """What the embeddings carry: two models' embeddings are never compared."""
        return Identity(self.model.source_sha256, self.record)

    @overload
    def embed(
        self,
        images: Any,
        landmarks: Any = None,
        *,
        batch_size: int = 32,
        show_progress: bool = False,
        return_quality: Literal[False] = False,
    ) -> Embeddings: ...

    @overload
    def embed(
        self,
        images: Any,
        landmarks: Any = None,
        *,
        batch_size: int = 32,
        show_progress: bool = False,
        return_quality: Literal[True],
    ) -> tuple[Embeddings, NDArray[Any]]: ...

    def embed(
        self,
        images: Any,
        landmarks: Any = None,
        *,
        batch_size: int = 32,
        show_progress: bool = False,
        return_quality: bool = False,
    ) -> Embeddings | tuple[Embeddings, NDArray[Any]]:
        """Embed aligned crops, faces of one picture, or faces of several.

        A picture is a uint8 RGB array (H, W, 3), or what :func:`pocketvision.read_picture` opens: a
        path, bytes, a binary file, a PIL image. ``threads`` share the faces and, of several files,
        the decoding.

        Without ``landmarks``: ``images`` is (N, H, W, 3), one picture, or a list of pictures, all
        aligned and of the model's size (112x112). With ``landmarks`` (F, 5, 2) in pixels:
        ``images`` is one picture of any size, and its F faces are aligned first. A list of pictures
        takes a list of landmarks, (F, 5, 2) or (5, 2) each; rows are in the order of the pictures,
        and a picture with (0, 5, 2) gives none.
        ``batch_size``: faces, or files, between two calls into the runtime, after each of which
        progress is shown. A keyboard interrupt ends the call with the face at hand, or 10 ms later.

        Returns float32 (N, D), each row of length 1, as :class:`Embeddings`. With
        ``return_quality`` a tuple of them and an object array (N,) of :class:`Quality`, which the
        embeddings carry as well; it takes about 30 microseconds a face.
        Raises InputError for wrong types, shapes and values (the picture is named); RunError when
        the model fails or the system refuses a thread.
        """
        batch_size = integer("batch_size", batch_size, "a positive integer", 1)
        if return_quality:
            from . import quality

            quality.check_recipe(self.record)
        count, runs = self._runs(images, landmarks, batch_size)
        result, done = np.empty((count, self.dimension), np.float32), 0
        measured = quality.empty(count) if return_quality else None
        with self._workers.borrow() as workers:
            for run in runs:
                rows = run(workers, done, measured)
                result[done : done + len(rows)] = rows
                done += len(rows)
                if show_progress:
                    _show(done, count)
        if measured is None:
            return embeddings(result, self.identity)
        quality.see_embeddings(measured, result, self.record)
        qualities = quality.qualities(measured, self.record.face.smallest)
        return embeddings(result, self.identity, qualities), qualities

    def close(self) -> None:
        """End the threads that wait for work; the next call starts new ones."""
        self._workers.clear()

    def _runs(self, images: Any, landmarks: Any, batch_size: int) -> tuple[int, Iterator[_Run]]:
        """How many faces there are, and the calls that embed some of them each, in order."""
        tables, smallest = self._tables, self.record.face.smallest or 0
        height, width = self.record.preprocess["size"]
        target = None
        if landmarks is None:
            faces = aligned(images, (height, width))
        else:
            template = self.record.preprocess["template"]
            if template is None:
                raise InputError(f"landmarks: {self.name} has no template; give aligned crops")
            target = check_landmarks(template)[0]
            several = isinstance(images, np.ndarray) and images.ndim == 4
            if not several and not isinstance(images, list | tuple):
                picture = open_picture(images, "images")
                points = check_faces(landmarks, picture)
                parts = (points[at : at + batch_size] for at in range(0, len(points), batch_size))
                return len(points), (
                    partial(_embed_picture, picture, part, target, tables, smallest)
                    for part in parts
                )
            faces = placed(images, landmarks, (height, width), target)
        chunks = faces.chunks(batch_size, self.threads)
        return faces.count, (
            partial(_embed_crops, crops, tables, place and (*place, target), smallest)
            for crops, place in chunks
        )


def _embed_picture(
    picture: NDArray[np.uint8],
    points: NDArray[np.float64],
    target: NDArray[np.float64],
    tables: _runtime.PixelTables,
    smallest: int,
    workers: _runtime.Workers,
    done: int,
    measured: NDArray[Any] | None,
) -> NDArray[np.float32]:
    own = None if measured is None else measured[done : done + len(points)]
    return workers.embed_picture(picture, points, target, tables, done, own, smallest)


def _embed_crops(
    crops: NDArray[np.uint8],
    tables: _runtime.PixelTables,
    place: Any,
    smallest: int,
    workers: _runtime.Workers,
    done: int,
    measured: NDArray[Any] | None,
) -> NDArray[np.float32]:
    """``place``: where the crops were cut out, and their template; only the quality needs it, and
    ``smallest``, which the record says."""
    if measured is None:
        return workers.embed(crops, tables, done)
    return workers.embed(crops, tables, done, measured[done : done + len(crops)], place, smallest)


def _again(
    kind: type[Embedder],
    model: str,
    target: str | None,
    threads: int,
    source_sha256: str,
    calibration: str | Literal[False] | None = None,
) -> Embedder:
    """What a pickle or a copy of an embedder is made of."""
    embedder = kind(model, target=target, threads=threads, calibration=calibration)
    if embedder.model.source_sha256 != source_sha256:
        raise ModelFileError(
            f"{embedder.model.path}: is of other weights than the embedder that was pickled, and "
            "embeddings of the two do not compare. Make a new Embedder."
        )
    return embedder


def _file(calibration: Any) -> str | Literal[False] | None:
    if calibration is None or calibration is False:
        return calibration
    if not isinstance(calibration, str | os.PathLike):
        raise InputError(
            "calibration: expected the path of a file that pocketvision calibrate wrote, got "
            f"{shown(calibration)}"
        )
    return os.path.abspath(os.fspath(calibration))


def record_of(model: Model, calibration: str | Literal[False] | None = None) -> Record:
    """A face embedder's record, with the thresholds of ``calibration``, or of the one beside it
    unless that is False.

    Raises ModelFileError for another network, or one that does not fit; InputError for another
    model's calibration; FileNotFoundError.
    """
    if model.record is None:
        raise ModelFileError(
            f"{model.path}: has no record, so it is not known as a face embedder. Run it with "
            "pocketvision.Model, or give it a record: pocketvision quantize MODEL.onnx "
            "--images DIR --mean N --std N --task face-embedding --out MODEL.int8.onnx, and "
            "compile that"
        )
    size, wide = model.record.preprocess["size"], model.record.embedding
    found = [tensor.shape for tensor in (*model.inputs, *model.outputs)]
    if len(model.inputs) != 1 or found[0] != (*size, 3):
        raise ModelFileError(
            f"{model.path}: the record says size {size} in three colours, the model takes "
            f"{', '.join(map(str, found[: len(model.inputs)]))}. Compile the model again."
        )
    if len(model.outputs) != 1 or math.prod(found[1]) != wide:
        raise ModelFileError(
            f"{model.path}: the record says {wide} values, the model gives "
            f"{', '.join(map(str, found[1:]))}. Compile the model again."
        )
    own = beside(model.path)
    place = own if calibration is None and os.path.isfile(own) else calibration
    if not place:
        return model.record
    from .calibration import sidecar  # its modules cost a start without calibration 10 ms

    thresholds = sidecar.read(place, model.record)
    return thresholds.apply(model.record, model.source_sha256, place)


def _show(done: int, total: int) -> None:
    print(f"\r{done}/{total} faces", end="\n" if done == total else "", file=sys.stderr, flush=True)
