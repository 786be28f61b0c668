"""What a record of a network of far faces states: accuracy by size, and thresholds of its pairs.

Such a network compares a gallery's portrait with a face of few pixels. Strangers of such pairs are
not as alike as those of sharp pairs, and how much less follows from the size, which a verdict is
not told. So each threshold is the highest of those of sharp pairs and of pairs with one small face
at each of ``SIZES``: none of them accepts more than the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pocketvision.faces.calibration import alarms, calibrate
from pocketvision.faces.calibration.pairs import directed, rounded, unit_rows
from pocketvision.record import Identification, Threshold

from ....data.pictures import stack
from .. import lfw, pairs, protocol
from ..open_set import strangers
from . import forms
from .forms import SIZES

BATCH = 32
PAIRS = f"sharp or one of {', '.join(map(str, SIZES))} pixels"

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def embedded(
    embed: Embed, people: strangers.People, root: Path, *, progress: bool = False
) -> list[NDArray[np.float32]]:
    """Unit (N, D) of all pictures of ``people``, sharp and then at each of ``SIZES``.

    Args:
        root: LFW's folder, from which the names of small forms start, as in :mod:`run`.
    """
    rows: list[list[NDArray[np.float32]]] = [[] for _ in (0, *SIZES)]
    for start in tqdm(range(0, len(people.paths), BATCH), "embedding", disable=not progress):
        part = people.paths[start : start + BATCH]
        names = [
            str(path.relative_to(root) if path.is_relative_to(root) else path.name) for path in part
        ]
        crops = stack((path, str(path)) for path in part)
        rows[0].append(embed(crops))
        for own, size in zip(rows[1:], SIZES, strict=True):
            own.append(embed(forms.made(crops, names, size)))
    return [unit_rows(np.concatenate(own)) for own in rows]


def verification(
    rows: Sequence[NDArray[np.float32]], listed: pairs.Pairs, precision: str
) -> tuple[list[Threshold], list[dict[str, Any]]]:
    """Thresholds of View 2, and the accuracy of one small side at each size.

    Args:
        rows: as of :func:`embedded`, of ``listed.images`` (N, D).
    """
    place = {name: index for index, name in enumerate(listed.images)}
    first, second = (
        np.array([place[name] for name in side]) for side in (listed.first, listed.second)
    )
    turned = forms.small_is_first(listed.first, listed.second)[:, None]
    sharp, *small = (own.astype(np.float64) for own in rows)
    each = [(sharp[first] * sharp[second]).sum(axis=1)]
    each += [
        np.where(turned, own[first] * sharp[second], sharp[first] * own[second]).sum(axis=1)
        for own in small
    ]
    thresholds: list[Threshold] = []
    for points in zip(*(lfw.operating_points(cosine, listed) for cosine in each), strict=True):
        top = max(points, key=lambda point: point.threshold.value)
        thresholds.append(
            {
                "far": top.far,
                "threshold": rounded(top.threshold.value, up=True),
                "interval": [
                    rounded(top.threshold.low, up=False),
                    rounded(top.threshold.high, up=True),
                ],
                "dataset": "LFW View 2",
                "protocol": f"{listed.same.count(False)} impostor pairs, {PAIRS}, the highest "
                f"threshold; one view, {precision}",
            }
        )
    scores = []
    for size, cosine in zip(SIZES, each[1:], strict=True):
        accuracies, _ = protocol.ten_fold(2 - 2 * cosine, listed.same, listed.folds)
        scores.append(
            {
                "dataset": f"LFW View 2, one side of {size} pixels",
                "protocol": "10-fold, one view",
                "precision": precision,
                "accuracy": round(float(accuracies.mean()), 6),
                "std": round(float(accuracies.std()), 6),
            }
        )
    return thresholds, scores


def identification(
    rows: Sequence[NDArray[np.float32]],
    people: strangers.People,
    precision: str,
    *,
    draws: int = alarms.DRAWS,
) -> list[Identification]:
    """A record's entries: galleries of sharp faces, probes sharp or small, the highest threshold.

    Args:
        rows: as of :func:`embedded`.
    """
    count = len(np.unique(people.names))
    fpirs = [fpir for fpir in calibrate.FPIRS if alarms.carried(count, fpir)]
    sizes = [size for size in calibrate.SIZES if size < count]
    share = alarms.needed(sizes, fpirs)
    measure = partial(alarms.alarms, sizes=sizes, fpirs=fpirs, draws=draws)
    found = [measure(alarms.meet(rows[0], people.names, share, strangers.WORLDS))]
    found += [measure(_met(rows[0], small, people.names, share)) for small in rows[1:]]
    top = [max(same, key=lambda one: one.threshold) for same in zip(*found, strict=True)]
    said = f"all galleries among {count} people, probes {PAIRS}, the highest threshold; one view, "
    return calibrate.entries(top, strangers.DATASET, said + precision)


def _met(
    sharp: NDArray[np.float32], small: NDArray[np.float32], names: NDArray[np.str_], share: float
) -> alarms.Strangers:
    """Everybody's small face as a probe among the sharp ones of the others, one picture each."""
    _, first = np.unique(names, return_index=True)
    count = len(first)
    probes, enrolled = np.arange(count, 2 * count), np.arange(count)[:, None]
    found = directed(np.concatenate([sharp[first], small[first]]), probes, enrolled, share)
    floor = -2.0 if found.whole else float(found.score[-1])
    return alarms.Strangers(found.first, found.second, found.score, count, 1, floor, True)
