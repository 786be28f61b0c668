"""The part of a record that only a face embedder has: its embedding, and what scores mean."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from ..errors import shown
from .fields import bad, is_int, mapping, number, sequence, text


class Threshold(TypedDict):
    """Cosine at which the false accept rate on a data set is ``far``.

    ``interval``: its 95 % bounds by bootstrap over people, where they were computed.
    """

    far: float
    threshold: float
    dataset: str
    protocol: str
    interval: NotRequired[list[float]]


class Identification(TypedDict):
    """Cosine at which ``fpir`` of strangers' probes raise an alarm among ``size`` people.

    ``templates``: how many each of them has, 1 where it is left out. ``interval``: bounds of the
    FPIR that new people show there, 95 %; ``open_set`` reads them.
    """

    size: int
    templates: NotRequired[int]
    fpir: float
    threshold: float
    interval: list[float]
    dataset: str
    protocol: str


class Unrecognisable(TypedDict):
    """Where embeddings of faces gather that the model cannot recognise (S. Deng et al., Harnessing
    Unrecognizable Faces for Improving Face Recognition, WACV 2023): two that lie there are like
    each other for that alone.

    ``directions``: base64 of int8 (count, embedding), rows at right angles. ``level``: share of its
    square, 0 to 1, that an embedding of a clean face has along them. ``data``: how they were found.
    """

    count: int
    directions: str
    level: float
    data: str


@dataclass(frozen=True)
class FaceEmbedding:
    """The task ``face-embedding``.

    ``embedding``: values of an embedding. ``metric``: how two are compared. ``thresholds``: scores
    with the false accept rate that was measured at each. ``identification``: scores with the false
    positive identification rate at each, by the number of enrolled people and templates.
    ``unrecognisable``: where faces gather that the model cannot recognise, or None.
    ``smallest``: of a network for faces from far away, the pixels a side of the smallest crop that
    answers are to be relied on for, as the crop lies in the picture; None for others.

    Raises ValueError that names the field when one is malformed.
    """

    embedding: int
    metric: str = "cosine"
    thresholds: list[Threshold] = field(default_factory=list)
    identification: list[Identification] = field(default_factory=list)
    unrecognisable: Unrecognisable | None = None
    smallest: int | None = None

    def __post_init__(self) -> None:
        if not is_int(self.embedding) or self.embedding < 1:
            raise bad("embedding", "a positive integer", self.embedding)
        text("metric", self.metric, re.compile(r"\S+"))
        if self.smallest is not None and not (is_int(self.smallest) and 1 <= self.smallest <= 4096):
            raise bad("smallest", "pixels from 1 to 4096, or null", self.smallest)
        # A copy, so that a caller's later change of its own list does not reach a frozen record.
        object.__setattr__(self, "thresholds", _thresholds(self.thresholds))
        object.__setattr__(self, "identification", _identification(self.identification))
        if self.unrecognisable is not None:
            known = _unrecognisable(self.unrecognisable, self.embedding)
            object.__setattr__(self, "unrecognisable", known)

    @staticmethod
    def check_preprocess(preprocess: Mapping[str, Any]) -> None:
        """ValueError unless it has alignment points, or None that is said outright."""
        if "template" not in preprocess:
            raise ValueError("record field 'preprocess': 'template' is missing")

    def threshold_at(self, far: float, name: str) -> Threshold:
        """The threshold that was calibrated at ``far``; ValueError, with ``name``, without one."""
        if isinstance(far, bool) or not isinstance(far, int | float):
            raise ValueError(f"far: expected a number from 0 to 1, got {type(far).__name__}")
        for entry in self.thresholds:
            # Compared and not computed with: an integer may be too large for a float.
            if 0 <= far <= 1 and math.isclose(entry["far"], far, rel_tol=1e-6):
                return entry
        known = ", ".join(f"{entry['far']:g}" for entry in self.thresholds) or "none at all"
        raise ValueError(
            f"far: {name} has no threshold calibrated at {shown(far)}; calibrated: {known}. "
            "Ask for one of these, or calibrate on people of your own: pocketvision calibrate "
            "FOLDER --model FILE"
        )


def _thresholds(value: object) -> list[Threshold]:
    entries: list[Threshold] = []
    for index, item in enumerate(sequence("thresholds", value)):
        where = f"thresholds[{index}]"
        entry = mapping(where, item, ("far", "threshold", "dataset", "protocol"))
        text(f"{where}.dataset", entry["dataset"])
        text(f"{where}.protocol", entry["protocol"])
        threshold: Threshold = {
            "far": number(f"{where}.far", entry["far"], 0.0, 1.0),
            "threshold": number(f"{where}.threshold", entry["threshold"], -1.0, 1.0),
            "dataset": entry["dataset"],
            "protocol": entry["protocol"],
        }
        if "interval" in entry:
            threshold["interval"] = _bounds(f"{where}.interval", entry["interval"], -1.0)
        entries.append(threshold)
    return entries


def _identification(value: object) -> list[Identification]:
    entries: list[Identification] = []
    keys = tuple(key for key in Identification.__annotations__ if key != "templates")
    for index, item in enumerate(sequence("identification", value)):
        where = f"identification[{index}]"
        entry = mapping(where, item, keys)
        for key in ("dataset", "protocol"):
            text(f"{where}.{key}", entry[key])
        for key in ("size", *(("templates",) if "templates" in entry else ())):
            if not is_int(entry[key]) or entry[key] < 1:
                raise bad(f"{where}.{key}", "a positive integer", entry[key])
        fpir = number(f"{where}.fpir", entry["fpir"])
        if not 0 < fpir < 1:
            raise bad(f"{where}.fpir", "a rate between 0 and 1", fpir)
        identification: Identification = {
            "size": entry["size"],
            "fpir": fpir,
            "threshold": number(f"{where}.threshold", entry["threshold"], -1.0, 1.0),
            "interval": _bounds(f"{where}.interval", entry["interval"], 0.0),
            "dataset": entry["dataset"],
            "protocol": entry["protocol"],
        }
        if entry.get("templates", 1) != 1:  # a record says the same in one way only
            identification["templates"] = entry["templates"]
        entries.append(identification)
    return entries


def _unrecognisable(value: object, embedding: int) -> Unrecognisable:
    where = "unrecognisable"
    entry = mapping(where, value, tuple(Unrecognisable.__annotations__))
    count, directions = entry["count"], entry["directions"]
    if not is_int(count) or not 1 <= count <= embedding:
        raise bad(f"{where}.count", f"an integer from 1 to {embedding}", count)
    text(f"{where}.data", entry["data"])
    text(f"{where}.directions", directions)
    # base64 has four characters for three bytes, the last three of them padded.
    if not directions.isascii() or len(directions) != (count * embedding + 2) // 3 * 4:
        expected = f"base64 of {count} x {embedding} bytes"
        raise bad(f"{where}.directions", expected, f"{len(directions)} characters")
    level = number(f"{where}.level", entry["level"], 0.0, 1.0)
    return {"count": count, "directions": directions, "level": level, "data": entry["data"]}


def _bounds(where: str, value: object, low: float) -> list[float]:
    bounds = sequence(where, value)
    if len(bounds) != 2:
        raise ValueError(f"{where}: expected [low, high], got {bounds!r}")
    return [number(where, bound, low, 1.0) for bound in bounds]
