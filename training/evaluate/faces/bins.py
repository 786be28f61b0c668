"""Reader of InsightFace's ``.bin`` pair sets (LFW, CFP-FP, AgeDB-30, CALFW, CPLFW), without mxnet.

Such a file is a pickle of ``(pictures, same)``: 2 P encoded JPEG or PNG pictures, and P booleans. A
pickle may run any code when it is read; this reader builds lists, bytes, numbers and byte arrays
and refuses everything else.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from . import embedders, protocol

FOLDS = 10
BATCH = 32
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


@dataclass(frozen=True)
class PairSet:
    """2 P encoded pictures, pair p of 2 p and 2 p + 1, and whether each pair is genuine (P)."""

    pictures: list[bytes]
    same: NDArray[np.bool_]


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return _encode
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no pair set needs")
        return super().find_class(module, name)


def _encode(text: str, encoding: str) -> bytes:
    return text.encode("latin1")  # how Python 2 bytes are written by protocol 2


def read(path: Path) -> PairSet:
    """Reads ``path``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut off, asks for code to run, or is no pair set.
    """
    try:
        with path.open("rb") as file:
            stored = _Reader(file, encoding="bytes").load()
    except FileNotFoundError:
        raise
    except Exception as error:  # a broken pickle raises nearly anything
        raise ValueError(
            f"{path}: not a readable InsightFace pair set (.bin): {error}; get the file again"
        ) from error
    if not isinstance(stored, tuple | list) or len(stored) != 2:
        raise ValueError(f"{path}: expected (pictures, same), got {type(stored).__name__}")
    pictures, same = stored
    if len(pictures) != 2 * len(same) or not len(same):
        raise ValueError(
            f"{path}: expected two pictures a pair, got {len(pictures)} for {len(same)} pairs"
        )
    return PairSet([_bytes(path, i, item) for i, item in enumerate(pictures)], np.array(same, bool))


def _bytes(path: Path, index: int, item: Any) -> bytes:
    if isinstance(item, np.ndarray) and item.dtype == np.uint8:
        return item.tobytes()
    if isinstance(item, bytes):
        return item
    raise ValueError(
        f"{path}: picture {index}: expected encoded bytes, got {type(item).__name__} "
        f"{getattr(item, 'dtype', '')}"
    )


def evaluate(
    model: str | embedders.Embed, path: Path, *, flip: bool = True, progress: bool = False
) -> dict[str, Any]:
    """Ten-fold accuracy, its deviation over folds, and TAR where the pairs support a FAR.

    Args:
        model: see :func:`embedders.load`; or a function from crops to raw embeddings.
        path: the ``.bin`` file.
        flip: add the embedding of the mirror image, as published figures do.
    """
    embed = embedders.load(model) if isinstance(model, str) else model
    found = read(path)
    views: list[list[np.ndarray]] = [[], []]
    for start in tqdm(range(0, len(found.pictures), BATCH), disable=not progress):
        part = found.pictures[start : start + BATCH]
        crops = np.stack([_decode(path, start + i, data) for i, data in enumerate(part)])
        views[0].append(embed(crops))
        if flip:
            views[1].append(embed(np.ascontiguousarray(crops[:, :, ::-1])))
    unit = protocol.fuse([np.concatenate(view).astype(np.float64) for view in views if view])
    cosine = (unit[0::2] * unit[1::2]).sum(1)
    accuracies, thresholds = protocol.ten_fold(2 - 2 * cosine, found.same, FOLDS)
    impostors = int((~found.same).sum())
    return {
        "accuracy": float(accuracies.mean()),
        "std": float(accuracies.std()),
        "tar": {
            f"{far:g}": protocol.tar_at_far(cosine, found.same, far)
            for far in (1e-2, 1e-3)
            if impostors * far >= 3 - 1e-9
        },
        "threshold": float(1 - thresholds.mean() / 2),
        "pairs": len(found.same),
        "flip": flip,
    }


def _decode(path: Path, index: int, data: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path}: picture {index} cannot be decoded: {error}") from error
