"""Reader of InsightFace's ``.bin`` pair sets (LFW, CFP-FP, AgeDB-30, CALFW, CPLFW), without mxnet.

Such a file is a pickle of ``(pictures, same)``: 2 P encoded JPEG or PNG pictures, and P booleans. A
pickle may run any code when it is unpickled; :mod:`plain_pickle` reads it without running any.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ...data.pictures import stack
from . import embedders, plain_pickle, protocol

FOLDS = 10
BATCH = 32

LARGEST = 1 << 29
"""Bytes of the largest file that is read; the published ones have up to 100 MB."""


@dataclass(frozen=True)
class PairSet:
    """2 P encoded pictures, pair p of 2 p and 2 p + 1, and whether each pair is genuine (P)."""

    pictures: list[bytes]
    same: NDArray[np.bool_]


def read(path: Path) -> PairSet:
    """Reads ``path``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut off, asks for code to run, or is no pair set.
    """
    with path.open("rb") as file:
        data = _whole(path, file)
    try:
        stored = plain_pickle.parse(data)
    except plain_pickle.MalformedError as error:
        raise ValueError(
            f"{path}: not a readable InsightFace pair set (.bin): at {error}; get the file again"
        ) from None
    if not isinstance(stored, tuple | list) or len(stored) != 2:
        raise ValueError(f"{path}: expected (pictures, same), got {_kind(stored)}")
    pictures, same = stored
    if not isinstance(pictures, tuple | list):
        raise ValueError(f"{path}: expected a list of pictures, got {_kind(pictures)}")
    genuine = _same(path, same)
    if len(pictures) != 2 * len(genuine) or not len(genuine):
        raise ValueError(
            f"{path}: expected two pictures a pair, got {len(pictures)} for {len(genuine)} pairs"
        )
    return PairSet([_bytes(path, i, item) for i, item in enumerate(pictures)], genuine)


def _whole(path: Path, file: BinaryIO) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"{path}: offset {LARGEST}: longer than any pair set")
    return data


def _same(path: Path, value: Any) -> NDArray[np.bool_]:
    if isinstance(value, plain_pickle.Array) and value.kind == "bool" and len(value.shape) == 1:
        return value.bools()
    if not isinstance(value, tuple | list):
        raise ValueError(f"{path}: expected a list of truth values, got {_kind(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, int) or item not in (0, 1):
            raise ValueError(f"{path}: pair {index}: expected a truth value, got {_kind(item)}")
    return np.array(value, bool)


def _bytes(path: Path, index: int, item: Any) -> bytes:
    if isinstance(item, plain_pickle.Array) and item.kind == "uint8":
        return item.data
    if isinstance(item, bytes):
        return item
    raise ValueError(f"{path}: picture {index}: expected encoded bytes, got {_kind(item)}")


def _kind(value: Any) -> str:
    """The type of a value of the file, in its own words."""
    if isinstance(value, plain_pickle.Array):
        return f"an array of {value.kind or 'nothing'} {list(value.shape)}"
    return type(value).__name__.lower()


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
        crops = stack((data, f"{path}: picture {start + i}") for i, data in enumerate(part))
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
