"""Embedder: faces to unit-norm vectors with one compiled model."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError
from ..record import Record
from ..runtime.arrays import dense, integer
from ..runtime.lending import Lending, check_threads
from ..runtime.model import Model
from ..runtime.shipped import DEFAULT_MODEL, is_path
from .alignment import check_faces, check_landmarks, check_picture

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Embedder:
    """Turns faces into embeddings; one object may be used from many threads at once.

    ``model``: name of a shipped model (``pocketvision info`` lists them) or path of a file that
    ``pocketvision compile`` wrote. ``target``: forces a compiled variant instead of the best for
    this processor. ``threads``: how many share the faces of one call, the caller among them; the
    others sleep between calls, and calls at the same time have others each. The bytes of a result
    do not depend on it. A child process after ``os.fork`` starts threads of its own.
    ``with`` ends its threads, as ``close`` does. Copies and pickles hold the model's name or path
    and the options; where they are opened, that must mean the same weights.
    Raises InputError for an unknown name or number of threads, FileNotFoundError, ModelFileError.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        target: str | None = None,
        threads: int = 1,
    ) -> None:
        self.threads = check_threads(threads)
        self.model = Model(model, target=target)
        self._given = self.model.path if is_path(model) else os.fspath(model), target
        self.record = record_of(self.model)
        recipe = self.record.preprocess
        self._tables = _runtime.PixelTables(
            self.model.inputs[0], recipe["mean"], recipe["std"], recipe["colour"] == "BGR"
        )
        # Not a lambda, which would hold self and keep its threads until the next collection.
        self._workers = Lending(partial(self.model.workers, self.threads))

    def __repr__(self) -> str:
        return f"Embedder({self.name!r}, target={self.target!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), *self._given, self.threads, self.model.source_sha256)

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

    def embed(
        self,
        images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        landmarks: ArrayLike | None = None,
        *,
        batch_size: int = 32,
        show_progress: bool = False,
    ) -> NDArray[np.float32]:
        """Embed aligned crops, or faces of one picture.

        Without ``landmarks``: ``images`` is uint8 RGB (N, H, W, 3), one (H, W, 3), or a list of
        such crops, aligned and of the model's size (112x112). With ``landmarks`` (F, 5, 2) in
        pixels: ``images`` is one uint8 RGB picture of any size, and its F faces are aligned first.
        ``batch_size``: faces per call into the runtime, after each of which progress is shown. A
        keyboard interrupt ends the call with the face at hand, or 10 ms later.
        Returns float32 (N, D), each row of length 1.
        Raises InputError for wrong types, shapes and values; RunError when the model fails or the
        system refuses a thread.
        """
        batch_size = integer("batch_size", batch_size, "a positive integer", 1)
        count, embed_rows = self._faces(images, landmarks)
        result = np.empty((count, self.dimension), np.float32)
        with self._workers.borrow() as workers:
            for start in range(0, count, batch_size):
                end = min(start + batch_size, count)
                result[start:end] = embed_rows(workers, start, end)
                if show_progress:
                    _show(end, count)
        return result

    def close(self) -> None:
        """End the threads that wait for work; the next call starts new ones."""
        self._workers.clear()

    def _faces(
        self, images: Any, landmarks: ArrayLike | None
    ) -> tuple[int, Callable[[_runtime.Workers, int, int], NDArray[np.float32]]]:
        """How many faces there are, and the call that embeds those from ``start`` to ``end``."""
        tables = self._tables
        if landmarks is None:
            crops = self._crops(images)
            return len(crops), lambda w, start, end: w.embed(crops[start:end], tables, start)
        template = self.record.preprocess["template"]
        if template is None:
            raise InputError(f"landmarks: {self.name} has no template; give aligned crops")
        picture = check_picture(images, "images")
        points = check_faces(landmarks, picture)
        target = check_landmarks(template)[0]
        return len(points), lambda w, start, end: w.embed_picture(
            picture, points[start:end], target, tables, start
        )

    def _crops(self, images: Any) -> NDArray[np.uint8]:
        size = (self.record.preprocess["size"][0], self.record.preprocess["size"][1])
        if isinstance(images, np.ndarray) and images.ndim == 4:
            crops = images
            if crops.dtype == np.uint8 and crops.shape[1:] == (*size, 3) and len(crops) > 0:
                return dense(crops)
        if isinstance(images, np.ndarray) and images.ndim < 3:
            raise InputError(
                f"images: expected uint8 RGB (N, H, W, 3) or (H, W, 3), got shape {images.shape}"
            )
        items = [images] if isinstance(images, np.ndarray) and images.ndim == 3 else images
        if not isinstance(items, np.ndarray | list | tuple):
            raise InputError(
                f"images: expected a uint8 array or a list of them, got {type(images).__name__}"
            )
        if len(items) == 0:
            raise InputError("images: expected at least one face, got none")
        return np.stack([self._crop(item, index, size) for index, item in enumerate(items)])

    def _crop(self, item: Any, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
        crop = check_picture(item, f"images[{index}]")
        if crop.shape[:2] != size:
            raise InputError(
                f"images[{index}]: expected an aligned crop of {size[0]}x{size[1]} pixels, got "
                f"{crop.shape[0]}x{crop.shape[1]}. Give the picture with landmarks=, and the face "
                "is cut out and aligned."
            )
        return crop


def _again(
    kind: type[Embedder], model: str, target: str | None, threads: int, source_sha256: str
) -> Embedder:
    """What a pickle or a copy of an embedder is made of."""
    embedder = kind(model, target=target, threads=threads)
    if embedder.model.source_sha256 != source_sha256:
        raise ModelFileError(
            f"{embedder.model.path}: is of other weights than the embedder that was pickled, and "
            "embeddings of the two do not compare. Make a new Embedder."
        )
    return embedder


def record_of(model: Model) -> Record:
    """A face embedder's record; ModelFileError for another network, or one that does not fit."""
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
    return model.record


def _show(done: int, total: int) -> None:
    print(f"\r{done}/{total} faces", end="\n" if done == total else "", file=sys.stderr, flush=True)
