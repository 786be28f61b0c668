"""What is given to an embedder, as aligned crops: arrays, files, pictures with landmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError
from ..pictures import is_source, read_picture
from ..runtime.arrays import dense
from .alignment import check_faces, check_landmarks, check_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Place = tuple[NDArray[np.float64], NDArray[np.uint32]]


class Faces:
    """``count`` faces, and a function that makes their crops: uint8 (n, H, W, 3), some at a time.

    ``chunks`` takes how many pictures are read at once and by how many threads; it gives crops with
    where they were cut out: the landmarks float64 (n, 5, 2) that they were aligned by, and height
    and width of the picture of each, uint32 (n, 2); or None for crops that came aligned.
    """

    def __init__(
        self,
        count: int,
        chunks: Callable[[int, int], Iterator[tuple[NDArray[np.uint8], _Place | None]]],
    ) -> None:
        self.count, self.chunks = count, chunks


def open_picture(value: Any, name: str) -> NDArray[np.uint8]:
    """A picture of any kind as uint8 RGB (H, W, 3); an array must be one already."""
    if not is_source(value):
        return check_picture(value, name)
    try:
        return read_picture(value)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def aligned(images: Any, size: tuple[int, int]) -> Faces:
    """Crops of the model's ``size`` (height, width): (N, H, W, 3), one crop, or a list of them.

    Raises InputError for anything else; of files, when they are read.
    """
    if isinstance(images, np.ndarray) and images.ndim == 4:
        crops = images
        if crops.dtype == np.uint8 and crops.shape[1:] == (*size, 3) and len(crops) > 0:
            return _dense(dense(crops))
    if isinstance(images, np.ndarray) and images.ndim < 3:
        raise InputError(
            f"images: expected uint8 RGB (N, H, W, 3) or (H, W, 3), got shape {images.shape}"
        )
    single = isinstance(images, np.ndarray) and images.ndim == 3
    items = [images] if single or is_source(images) else images
    if not isinstance(items, np.ndarray | list | tuple):
        raise InputError(
            "images: expected a uint8 array, a path, a PIL image or a list of them, got "
            f"{type(images).__name__}"
        )
    if len(items) == 0:
        raise InputError("images: expected at least one face, got none")
    if not any(is_source(item) for item in items):
        # All are checked before the first is embedded.
        return _dense(np.stack([_crop(item, i, size) for i, item in enumerate(items)]))

    def chunks(batch: int, threads: int) -> Iterator[tuple[NDArray[np.uint8], None]]:
        work = [lambda i=i, item=item: _crop(item, i, size) for i, item in enumerate(items)]
        for found in _in_turn(work, batch, threads):
            yield np.stack(found), None

    return Faces(len(items), chunks)


def placed(
    images: Any, landmarks: Any, size: tuple[int, int], template: NDArray[np.float64]
) -> Faces:
    """The faces of several pictures, each with landmarks (F, 5, 2) or (5, 2) of its own.

    ``images``: a list or tuple of pictures, or an array (N, H, W, 3). A picture without faces has
    landmarks of shape (0, 5, 2) and gives no row. Rows are in the order of the pictures.
    """
    if isinstance(landmarks, str | bytes) or not hasattr(landmarks, "__len__"):
        raise InputError("landmarks: expected those of each picture, in a list as long as images")
    if len(landmarks) != len(images):
        raise InputError(
            f"landmarks: expected those of each of {len(images)} pictures, got {len(landmarks)}"
        )
    each = [_points(item, f"landmarks[{index}]") for index, item in enumerate(landmarks)]
    count = sum(map(len, each))
    if count == 0:
        raise InputError("landmarks: expected at least one face, got none in any picture")

    def cut(index: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.uint32]]:
        picture = open_picture(images[index], f"images[{index}]")
        try:
            found = check_faces(each[index], picture)
            sides = np.full((len(found), 2), picture.shape[:2], np.uint32)
            return _runtime.warp(picture, found, template, *size), found, sides
        except InputError as error:
            raise InputError(f"{_name(images[index], index)}: {error}") from None

    def chunks(batch: int, threads: int) -> Iterator[tuple[NDArray[np.uint8], _Place]]:
        work = [lambda i=i: cut(i) for i, held in enumerate(each) if len(held)]
        for found in _in_turn(work, batch, threads):
            crops, points, sides = (np.concatenate(part) for part in zip(*found, strict=True))
            yield crops, (points, sides)

    return Faces(count, chunks)


def _dense(crops: NDArray[np.uint8]) -> Faces:
    def chunks(batch: int, threads: int) -> Iterator[tuple[NDArray[np.uint8], None]]:
        for start in range(0, len(crops), batch):
            yield crops[start : start + batch], None

    return Faces(len(crops), chunks)


def _in_turn(work: Sequence[Callable[[], Any]], batch: int, threads: int) -> Iterator[list[Any]]:
    """The results of ``batch`` calls at a time; threads share them, as decoding is most of it."""
    parts = [work[start : start + batch] for start in range(0, len(work), batch)]
    wide = min(threads, batch, len(work))
    if wide == 1:
        yield from ([call() for call in part] for part in parts)
        return
    from concurrent.futures import ThreadPoolExecutor  # of its 10 ms nothing at the start

    with ThreadPoolExecutor(wide) as pool:
        yield from (list(pool.map(lambda call: call(), part)) for part in parts)


def _points(value: Any, name: str) -> NDArray[np.float64]:
    if np.shape(value) in ((0,), (0, 5, 2)):
        return np.empty((0, 5, 2))
    return check_landmarks(value, name)


def _name(image: Any, index: int) -> str:
    path = os.fspath(image) if isinstance(image, str | os.PathLike) else None
    return f"images[{index}]" + (f" ({os.fsdecode(path)})" if path is not None else "")


def _crop(item: Any, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    crop = open_picture(item, f"images[{index}]")
    if crop.shape[:2] != size:
        raise InputError(
            f"{_name(item, index)}: expected an aligned crop of {size[0]}x{size[1]} pixels, got "
            f"{crop.shape[0]}x{crop.shape[1]}. Give the picture with landmarks=, and the face "
            "is cut out and aligned."
        )
    return crop
