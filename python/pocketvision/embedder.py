"""Embedder: faces to unit-norm vectors with one compiled model."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _runtime
from .alignment import align, check_picture
from .errors import InputError, ModelFileError
from .models import DEFAULT_MODEL, resolve
from .record import Record
from .runtime import Model


class Embedder:
    """Turns faces into embeddings; one object may be used from many threads at once.

    ``model``: name of a shipped model (``pocketvision info`` lists them) or path of a file that
    ``pocketvision compile`` wrote. ``target``: forces a compiled variant instead of the best for
    this processor. Raises InputError for an unknown name, FileNotFoundError, ModelFileError.
    """

    def __init__(
        self, model: str | os.PathLike[str] = DEFAULT_MODEL, *, target: str | None = None
    ) -> None:
        self.model = Model(resolve(model, target))
        self.record: Record = self.model.record
        recipe = self.record.preprocess
        height, width, channels = self.model.input.shape
        if [height, width] != recipe["size"] or channels != 3:
            raise ModelFileError(
                f"{self.model.path}: the record says size {recipe['size']} in three colours, the "
                f"model takes {self.model.input.shape}. Compile the model again."
            )
        if int(np.prod(self.model.output.shape)) != self.record.embedding:
            raise ModelFileError(
                f"{self.model.path}: the record says {self.record.embedding} values, the model "
                f"gives {self.model.output.shape}. Compile the model again."
            )
        self._tables = _runtime.PixelTables(
            self.model.input, recipe["mean"], recipe["std"], recipe["colour"] == "BGR"
        )

    def __repr__(self) -> str:
        return f"Embedder({self.name!r}, target={self.target!r})"

    @property
    def name(self) -> str:
        """Full name ``name.tag`` of the weights."""
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
        ``batch_size``: faces per call into the runtime, between which progress is shown and a
        keyboard interrupt is seen. Returns float32 (N, D), each row of length 1.
        Raises InputError for wrong types, shapes and values; RunError when the model fails.
        """
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size: expected a positive integer, got {batch_size!r}")
        crops = self._crops(images, landmarks)
        result = np.empty((len(crops), self.dimension), np.float32)
        with self.model.session() as session:
            for start in range(0, len(crops), batch_size):
                batch = crops[start : start + batch_size]
                result[start : start + len(batch)] = session.embed(batch, self._tables)
                if show_progress:
                    _show(start + len(batch), len(crops))
        return result

    def _crops(self, images: Any, landmarks: ArrayLike | None) -> NDArray[np.uint8]:
        size = (self.record.preprocess["size"][0], self.record.preprocess["size"][1])
        if landmarks is not None:
            template = self.record.preprocess["template"]
            if template is None:
                raise InputError(f"landmarks: {self.name} has no template; give aligned crops")
            return align(images, landmarks, size=size, template=template)
        if isinstance(images, np.ndarray) and images.ndim == 4:
            crops = images
            if crops.dtype == np.uint8 and crops.shape[1:] == (*size, 3) and len(crops) > 0:
                return np.ascontiguousarray(crops)
        items = [images] if isinstance(images, np.ndarray) and images.ndim == 3 else images
        if not isinstance(items, np.ndarray | Sequence) or isinstance(items, str | bytes):
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


def _show(done: int, total: int) -> None:
    print(f"\r{done}/{total} faces", end="\n" if done == total else "", file=sys.stderr, flush=True)
