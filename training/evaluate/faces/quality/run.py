"""The measurement: clean faces, classes of spoilt ones, pairs and landmarks, for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pocketvision import Embedder
from pocketvision.errors import InputError
from pocketvision.faces.alignment import align
from pocketvision.faces.quality import Quality, quality_of

from ....data.pictures import stack
from .. import pairs
from . import answers, classes, landmarks

MODELS = ("facechain-25m", "facechain-125m", "pocketnet-s-128")


@dataclass(frozen=True)
class Clean:
    """Faces that should pass: how many, the share refused, the share not good enough to enrol, and
    percentiles (1, 5, 50) of the score."""

    name: str
    faces: int
    refused: float
    not_enrolled: float
    percentiles: list[float]


@dataclass(frozen=True)
class Found:
    """All of it; ``gates`` and ``wrong`` by model."""

    clean: list[Clean]
    gates: dict[str, list[classes.Gate]]
    wrong: dict[str, dict[str, answers.Wrong]]
    landmarks: list[landmarks.Refused]
    thresholds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    models: Sequence[str],
    faces: Path,
    pair_list: Path,
    detector: Path | None,
    people: int,
    far: float,
    *,
    progress: bool = False,
) -> Found:
    embedders = {name: Embedder(name) for name in models}
    thresholds = {
        name: float(embedder.record.threshold_at(far)["threshold"])
        for name, embedder in embedders.items()
    }
    listed = pairs.read(pair_list)
    names, first, second = answers.lists(listed)
    crops = stack((faces / name, name) for name in names)
    one_each = crops[_one_each(names)][:people]
    clean: list[Clean] = []
    gates: dict[str, list[classes.Gate]] = {name: [] for name in models}
    every = {"clean": (lambda picture, random: picture, True), **classes.classes()}
    for seed, (name, (spoiler, shown)) in enumerate(tqdm(every.items(), disable=not progress)):
        spoilt = classes.spoilt(one_each, spoiler, seed)
        for model, embedder in embedders.items():
            seen, qualities = embedder.embed(spoilt, return_quality=True)
            reliable, margins = _arrays(qualities)
            gates[model].append(
                classes.gate(name, shown, np.asarray(seen), reliable, margins, thresholds[model])
            )
    wrong: dict[str, dict[str, answers.Wrong]] = {name: {} for name in models}
    sets = {
        "clean": crops,
        "coloured light": classes.spoilt(crops, classes.coloured, 1),
        "half of them spoilt": _mixed(crops),
    }
    for what, pictures in sets.items():
        for model, embedder in embedders.items():
            embedded, qualities = embedder.embed(pictures, return_quality=True)
            rows = np.asarray(embedded)
            if what != "half of them spoilt":
                clean.append(_clean(f"LFW, {what}, {model}", qualities))
            score = np.array([quality.score for quality in qualities], np.float64)
            reliable, margins = _arrays(qualities)
            wrong[model][what] = answers.wrong_answers(
                rows[first],
                rows[second],
                listed.same,
                np.minimum(score[first], score[second]),
                reliable[first] & reliable[second],
                np.maximum(margins[first], margins[second]),
                thresholds[model],
            )
    judged = []
    if detector is not None:
        judged = landmarks.measure(detector, _judge)
        truth = [_whole(detector, name, points) for name, points in landmarks.truths(detector)]
        turned = [q for q in truth if abs(q.yaw or 0) >= landmarks.PROFILE]
        clean += [_clean("true landmarks", truth), _clean("of them turned aside", turned)]
    return Found(clean, gates, wrong, judged, thresholds)


def _arrays(
    qualities: Sequence[Quality] | NDArray[Any],
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each is reliable, and its margin."""
    reliable = np.array([quality.reliable for quality in qualities], bool)
    return reliable, np.array([quality.margin for quality in qualities], np.float64)


def _one_each(names: Sequence[str]) -> list[int]:
    """The first picture of each person."""
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        found.setdefault(name.split("/")[0], index)
    chosen = np.array(list(found.values()))
    return [int(i) for i in np.random.default_rng(0).permutation(chosen)]


def _clean(name: str, qualities: Sequence[Quality] | NDArray[Any]) -> Clean:
    return Clean(
        name,
        len(qualities),
        float(np.mean([not quality.reliable for quality in qualities])),
        float(np.mean([not quality.enrolable for quality in qualities])),
        np.percentile([quality.score for quality in qualities], [1, 5, 50]).tolist(),
    )


def _mixed(crops: classes.Picture) -> classes.Picture:
    """Half of the pictures spoilt, each by a class of its own."""
    random = np.random.default_rng(7)
    spoilers = [spoiler for spoiler, _ in classes.classes().values()]
    found = crops.copy()
    for index in np.flatnonzero(random.random(len(crops)) < answers.SHARE_SPOILT):
        found[index] = spoilers[int(random.integers(len(spoilers)))](crops[index], random)
    return found


def _whole(folder: Path, name: str, points: NDArray[np.float64]) -> Quality:
    from ....data.pictures import decode

    picture = decode(folder / "pictures" / name, name)
    quality: Quality = quality_of(align(picture, points), points, picture.shape[:2])[0]
    return quality


def _judge(
    picture: NDArray[np.uint8], points: NDArray[np.float64]
) -> tuple[float, tuple[str, ...]] | None:
    try:
        quality: Quality = quality_of(align(picture, points), points, picture.shape[:2])[0]
    except InputError:
        return None
    return quality.yaw or 0.0, quality.reasons
