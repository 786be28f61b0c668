"""LFW View 2: 6,000 pairs in ten folds, from aligned crops and any embedder.

pocketvision evaluate lfw --model pocketnet-s-128 --images lfw_112 --pairs lfw_pairs.txt
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pocketvision.faces.calibration.pairs import rounded
from pocketvision.record import Threshold

from ...data.pictures import stack
from .. import bootstrap, plots
from . import embedders, pairs, protocol

FARS = (1e-2, 1e-3)
BATCH = 32


@dataclass(frozen=True)
class Result:
    """Figures of one run: fractions of 1; ``tar`` maps a FAR to the TAR there, ``intervals`` to its
    95 % bounds (bootstrap over people), ``thresholds`` to the cosine and its bounds.

    ``threshold`` is the mean over folds of the chosen threshold, as a cosine.
    """

    accuracy: float
    std: float
    tar: dict[float, float]
    intervals: dict[float, tuple[float, float]]
    thresholds: dict[float, bootstrap.Interval]
    threshold: float
    pairs: int
    people: int
    flip: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON data; keys that are rates become text such as ``"0.001"``."""
        whole = asdict(self)
        rates = ("tar", "intervals", "thresholds")
        return whole | {
            key: {f"{far:g}": value for far, value in whole[key].items()} for key in rates
        }


def evaluate(
    model: str | embedders.Embed,
    images: Path,
    pairs_file: Path,
    *,
    flip: bool = True,
    progress: bool = False,
    plot: Path | None = None,
) -> Result:
    """Runs the ten-fold protocol.

    Args:
        model: see :func:`embedders.load`; or a function from crops to raw embeddings.
        images: folder with ``Name/Name_0001.jpg``, aligned RGB crops of the model's input size.
        pairs_file: LFW's ``pairs.txt``.
        flip: add the embedding of the mirror image, as published figures do.
        plot: PNG of ROC, DET and score histograms, or None.

    Raises:
        FileNotFoundError: the model, the list or some images are missing (the first are named).
        ValueError: a file is malformed.
    """
    embed = embedders.load(model) if isinstance(model, str) else model
    listed = pairs.read(pairs_file)
    found = views(embed, images, listed, flip=flip, progress=progress)
    if plot is not None:
        title = f"{model if isinstance(model, str) else 'model'}, LFW View 2"
        plots.verification(plot, cosines(found, listed), listed.same, title)
    return score(found, listed)


def views(
    embed: embedders.Embed,
    images: Path,
    listed: pairs.Pairs,
    *,
    flip: bool = True,
    progress: bool = False,
) -> list[np.ndarray]:
    """Raw embeddings (N, D) of ``listed.images``; with ``flip`` also those of the mirror images."""
    names = listed.images
    missing = [name for name in names if not (images / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{images}: {len(missing)} of {len(names)} images are missing, the first: "
            f"{', '.join(missing[:5])}; expected Name/Name_0001.jpg below this folder"
        )
    plain, mirrored = [], []
    for start in tqdm(range(0, len(names), BATCH), desc="embedding", disable=not progress):
        part = [images / name for name in names[start : start + BATCH]]
        crops = stack((path, str(path)) for path in part)
        plain.append(embed(crops))
        if flip:
            mirrored.append(embed(np.ascontiguousarray(crops[:, :, ::-1])))
    return [np.concatenate(plain), np.concatenate(mirrored)] if flip else [np.concatenate(plain)]


def cosines(embeddings: list[np.ndarray], listed: pairs.Pairs) -> np.ndarray:
    """float64 (P,): cosine of each pair, views summed."""
    fused = protocol.fuse([view.astype(np.float64) for view in embeddings])
    index = {name: row for row, name in enumerate(listed.images)}
    left = fused[[index[name] for name in listed.first]]
    right = fused[[index[name] for name in listed.second]]
    return np.asarray((left * right).sum(axis=1))


def score(embeddings: list[np.ndarray], listed: pairs.Pairs) -> Result:
    """The figures of embeddings made by :func:`views`."""
    cosine = cosines(embeddings, listed)
    accuracies, thresholds = protocol.ten_fold(2 - 2 * cosine, listed.same, listed.folds)
    points = operating_points(cosine, listed)
    return Result(
        accuracy=float(accuracies.mean()),
        std=float(accuracies.std()),
        tar={point.far: point.tar.value for point in points},
        intervals={point.far: (point.tar.low, point.tar.high) for point in points},
        thresholds={point.far: point.threshold for point in points},
        threshold=float(1 - thresholds.mean() / 2),
        pairs=len(listed.same),
        people=listed.people,
        flip=len(embeddings) > 1,
    )


def thresholds(embeddings: np.ndarray, listed: pairs.Pairs, precision: str) -> list[Threshold]:
    """A record's thresholds, of embeddings (N, D) of one view as verdicts compare them.

    Rounded up: at the printed digits too, no more impostors are accepted than the rate allows.
    """
    return [
        {
            "far": point.far,
            "threshold": rounded(point.threshold.value, up=True),
            "interval": [
                rounded(point.threshold.low, up=False),
                rounded(point.threshold.high, up=True),
            ],
            "dataset": "LFW View 2",
            "protocol": f"{listed.same.count(False)} impostor pairs, one view, {precision}",
        }
        for point in operating_points(cosines([embeddings], listed), listed)
    ]


def operating_points(cosine: np.ndarray, listed: pairs.Pairs) -> list[bootstrap.Operating]:
    """Thresholds and TARs at those of ``FARS`` that the impostor pairs support (rule of three)."""
    left, right = ([name.split("/")[0] for name in side] for side in (listed.first, listed.second))
    return [
        bootstrap.operating_point(cosine, listed.same, left, right, far)
        for far in FARS
        if far * listed.same.count(False) >= 3 - 1e-9
    ]
