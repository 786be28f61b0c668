"""Video@1: every video once, by the mean of the logits of its windows, and how sure that figure is.

VTN's protocol (arXiv 1905.08711): windows at even distances, the centre of each frame, the class of
the largest mean logit. The last batch counts as all others do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from ...data.clips import views, windows
from ...data.clips.base import Clips, CorruptClipError

Array = NDArray[np.float64]
Score = Callable[[Tensor], Tensor]
"""Logits (N, classes) of clips, uint8 (N, T, C, size, size)."""

BATCH = 16
LEVEL = 0.95


class Seen(NamedTuple):
    """How a clip is looked at: frames of a window, their stride, pixels, share of the centre."""

    frames: int
    stride: int
    size: int
    centre: float
    windows: int


class Videos(NamedTuple):
    """Mean logits (N, classes) and true classes (N) of the videos that could be read.

    ``clip_accuracy``: the share of single windows that are right.
    """

    logits: Array
    labels: NDArray[np.int64]
    names: list[str]
    unreadable: list[str]
    clip_accuracy: float = float("nan")


@dataclass(frozen=True)
class Share:
    """A share of ``count`` videos with the bounds of its 95 % interval (Wilson, 1927)."""

    value: float
    low: float
    high: float
    count: int


def video_logits(score: Score, clips: Clips, seen: Seen) -> Videos:
    """Mean logits of every video of ``clips``; one that cannot be read is named and left out.

    Raises:
        ValueError: none can be read.
    """
    rows: dict[int, list[Array]] = {}
    unreadable: list[str] = []
    for batch, owners in _batches(_windows(clips, seen, unreadable)):
        found = score(batch).double().cpu().numpy()
        for owner, row in zip(owners, found, strict=True):
            rows.setdefault(owner, []).append(row)
    if not rows:
        raise ValueError(f"{clips.root}: none of {len(clips)} clips can be read: {unreadable[0]}")
    kept = sorted(rows)
    return Videos(
        np.stack([np.mean(rows[index], axis=0) for index in kept]),
        clips.labels[kept],
        [clips.rows[index].path for index in kept],
        unreadable,
        float(np.mean([row.argmax() == clips.labels[i] for i in kept for row in rows[i]])),
    )


def _windows(clips: Clips, seen: Seen, unreadable: list[str]) -> Iterator[tuple[Tensor, int]]:
    for index in range(len(clips)):
        try:
            chosen = windows.even(clips.length(index), seen.frames, seen.stride, seen.windows)
            # One read of all frames: a video is decoded once, whatever its windows share.
            numbers = np.unique(chosen)
            frames = clips.frames(index, [int(number) for number in numbers])
        except (CorruptClipError, FileNotFoundError) as error:
            unreadable.append(str(error))
            print(f"not scored: {error}", file=sys.stderr)
            continue
        whole = views.central(frames, seen.size, seen.centre)
        for window in chosen:
            yield whole[np.searchsorted(numbers, window)], index


def _batches(items: Iterator[tuple[Tensor, int]]) -> Iterator[tuple[Tensor, list[int]]]:
    clips: list[Tensor] = []
    owners: list[int] = []
    for clip, owner in items:
        clips.append(clip)
        owners.append(owner)
        if len(clips) == BATCH:
            yield torch.stack(clips), owners
            clips, owners = [], []
    if clips:
        yield torch.stack(clips), owners


def video_at_1(logits: Array, labels: NDArray[np.int64]) -> Share:
    """The share of videos whose largest mean logit is that of their class."""
    return share(int((logits.argmax(1) == labels).sum()), len(labels))


def share(right: int, count: int) -> Share:
    """``right`` of ``count`` with Wilson's interval."""
    found = stats.binomtest(right, count).proportion_ci(LEVEL, method="wilson")
    return Share(right / count, float(found.low), float(found.high), count)


def confusion(logits: Array, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(true, given) counts."""
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True)
class Difference:
    """Of two models on the same videos, second less first, with the bounds of 95 %.

    ``gained``, ``lost``: videos that only the second, only the first, has right. ``p``: of the
    exact sign test (McNemar).
    """

    value: float
    low: float
    high: float
    gained: int
    lost: int
    p: float


def difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], draws: int = 10_000, seed: int = 0
) -> Difference:
    """How much better the second is, by which of the same videos each has right (N).

    The interval is a bootstrap over videos.
    """
    gain = second.astype(int) - first.astype(int)
    random = np.random.default_rng(seed)
    gained, lost = int((gain > 0).sum()), int((gain < 0).sum())
    parts = np.array([gained, lost, len(gain) - gained - lost]) / len(gain)
    drawn = random.multinomial(len(gain), parts, draws)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / len(gain), [0.025, 0.975])
    p = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    return Difference(float(gain.mean()), float(low), float(high), gained, lost, float(p))
