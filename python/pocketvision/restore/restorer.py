"""Restorer: a face of few pixels to a sharp one, with one compiled model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, ModelFileError
from ..faces.alignment import align, check_landmarks
from ..faces.inputs import open_picture
from ..runtime.model import Model

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Restorer:
    """Restores faces; one object may be used from many threads at once.

    What it adds is what faces usually have there: a picture for people to look at, no evidence.

    ``model``: path of a compiled network, whose record has the task ``restoration``. ``target``: as
    of ``Embedder``. Raises FileNotFoundError, ModelFileError.
    """

    def __init__(self, model: str | os.PathLike[str], *, target: str | None = None) -> None:
        self.model = Model(model, target=target)
        record = self.model.record
        if record is None or record.task != "restoration":
            raise ModelFileError(
                f"{self.model.path}: expected a network that restores faces, got a model of the "
                f"task {record.task if record else None!r}"
            )
        from ..record.restoration import Restoration

        assert isinstance(record.part, Restoration)
        self.record, self.part = record, record.part
        shape = (*record.preprocess["size"], 3)
        found = [tensor.shape for tensor in (*self.model.inputs, *self.model.outputs)]
        if found != [shape, shape]:
            raise ModelFileError(
                f"{self.model.path}: the record says a picture {shape} in and out, the model has "
                f"{', '.join(map(str, found))}. Compile the model again."
            )

    def __repr__(self) -> str:
        return f"Restorer({self.record.full_name!r}, target={self.model.target!r})"

    def enlarged(self, picture: Any, landmarks: ArrayLike | None = None) -> NDArray[np.uint8]:
        """The face as the network is shown it: of the model's size, and still blurred.

        Args:
            picture: uint8 RGB (H, W, 3), or what :func:`pocketvision.read_picture` opens; without
                ``landmarks`` a square crop of the face, as a camera far away gives it.
            landmarks: (5, 2) in pixels, of the face in a whole picture.

        Returns:
            Uint8 RGB (H, W, 3).

        Raises:
            InputError: wrong shapes, or a face of fewer pixels than the model was trained for.
        """
        pixels, (height, width) = open_picture(picture, "picture"), self.record.preprocess["size"]
        if landmarks is None:
            if pixels.shape[0] != pixels.shape[1]:
                raise InputError(
                    f"picture: expected a square crop of a face, got {pixels.shape[1]}x"
                    f"{pixels.shape[0]}; give landmarks of the face in a whole picture"
                )
            self._check(pixels.shape[0])
            from PIL import Image

            size = Image.Resampling.BICUBIC
            return np.asarray(Image.fromarray(pixels).resize((width, height), size))
        points, template = check_landmarks(landmarks), self.record.preprocess.get("template")
        if template is None:
            raise InputError(f"landmarks: {self.record.full_name} has no template; give crops")
        if len(points) != 1:
            raise InputError(f"landmarks: expected those of one face, got {len(points)} faces")
        # Of both sets of points the distance from their middle.
        mean, wanted = (
            np.linalg.norm(one - one.mean(axis=0)) for one in (points[0], np.asarray(template))
        )
        self._check(height * float(mean / wanted))
        (crop,) = align(pixels, points, size=(height, width), template=template)
        return np.asarray(crop)

    def restore(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The sharp face, uint8 RGB, of what :meth:`enlarged` gave, of the same shape.

        Raises InputError for another shape; RunError when the model fails.
        """
        recipe = self.record.preprocess
        if crop.dtype != np.uint8 or crop.shape != (*recipe["size"], 3):
            raise InputError(
                f"crop: expected uint8 {(*recipe['size'], 3)} as enlarged() gives it, got "
                f"{crop.dtype} {crop.shape}"
            )
        mean, std = (np.array(recipe[key], np.float32) for key in ("mean", "std"))
        turn = slice(None, None, -1 if recipe["colour"] == "BGR" else 1)
        found = self.model.run(((crop[..., turn] - mean) / std).astype(np.float32))
        assert isinstance(found, np.ndarray)  # the model has one output
        pixels = np.rint(found.reshape(crop.shape) * std + mean)
        return np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8)[..., turn])

    def _check(self, side: float) -> None:
        if side < self.part.smallest:
            raise InputError(
                f"picture: too small: the face has {side:.0f} pixels a side, and "
                f"{self.record.full_name} was trained for {self.part.smallest} and more"
            )


def sheet(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Both faces (H, W, 3) side by side, a white line between them."""
    gap = np.full((len(before), max(1, len(before) // 28), 3), 255, np.uint8)
    return np.concatenate([before, gap, after], axis=1)
