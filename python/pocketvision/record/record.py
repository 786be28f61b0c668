"""The record: what a model is, how its input is prepared and what was measured of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NotRequired, TypedDict

METADATA_KEY = "pocketvision.record"
"""Key of the record's JSON text in the ``metadata_props`` of an ONNX file."""

COLOURS = ("RGB", "BGR")
PRECISIONS = ("float32", "int8")

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAG = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Preprocess(TypedDict):
    """How an uint8 picture becomes the network's input: ``(pixel - mean) / std`` per channel."""

    size: list[int]
    colour: str
    mean: list[float]
    std: list[float]
    template: list[list[float]] | None


class Threshold(TypedDict):
    """Cosine at which the false accept rate on a data set is ``far``.

    ``interval``: its 95 % bounds by bootstrap over people, where they were computed.
    """

    far: float
    threshold: float
    dataset: str
    protocol: str
    interval: NotRequired[list[float]]


@dataclass(frozen=True)
class Record:
    """One model's record; every field is plain JSON data.

    ``preprocess``: ``size`` is [height, width] in pixels, ``template`` five [x, y] points in
    pixels of the aligned crop (image-left eye, image-right eye, nose, left and right mouth corner)
    or None. ``scores``: mappings with dataset, protocol, precision, accuracy and std (both
    fractions of 1), and anything else. ``sha256``: file kind to 64 hexadecimal digits.

    Raises ValueError that names the field when one is malformed.
    """

    name: str
    tag: str
    task: str
    preprocess: Preprocess
    embedding: int
    paper: str = ""
    metric: str = "cosine"
    scores: list[dict[str, Any]] = field(default_factory=list)
    thresholds: list[Threshold] = field(default_factory=list)
    teacher: str | None = None
    data: str = ""
    licence: str = ""
    quantiser: str | None = None
    arithmetic: str = "float32-scale"
    sha256: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _text("name", self.name, _NAME)
        _text("tag", self.tag, _TAG)
        for key in ("task", "metric", "arithmetic"):
            _text(key, getattr(self, key), re.compile(r"\S+"))
        for key in ("paper", "data", "licence"):
            _text(key, getattr(self, key))
        for key in ("teacher", "quantiser"):
            if getattr(self, key) is not None:
                _text(key, getattr(self, key))
        if not _is_int(self.embedding) or self.embedding < 1:
            raise _bad("embedding", "a positive integer", self.embedding)
        # Copies, so that a caller's later change of its own lists does not reach a frozen record.
        object.__setattr__(self, "preprocess", _preprocess(self.preprocess))
        object.__setattr__(self, "scores", _scores(self.scores))
        object.__setattr__(self, "thresholds", _thresholds(self.thresholds))
        object.__setattr__(self, "sha256", _digests(self.sha256))

    @property
    def full_name(self) -> str:
        """``name.tag``: the one spelling that names these weights."""
        return f"{self.name}.{self.tag}"

    def with_(self, **changes: Any) -> Record:
        """A validated copy with the named fields replaced."""
        return replace(self, **changes)

    def threshold_at(self, far: float) -> Threshold:
        """The calibrated threshold at false accept rate ``far``; ValueError when there is none."""
        for entry in self.thresholds:
            if math.isclose(entry["far"], far, rel_tol=1e-6):
                return entry
        known = ", ".join(f"{entry['far']:g}" for entry in self.thresholds) or "none at all"
        raise ValueError(
            f"far: {self.full_name} has no threshold calibrated at {far!r}; calibrated: {known}. "
            "Ask for one of these, or calibrate another on pairs of your own."
        )

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON data."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def to_json(self) -> str:
        """Stable JSON text: sorted keys, so equal records give equal bytes."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """Parse JSON text; ValueError names what is missing, unknown or malformed."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"record: expected JSON text, got {text[:60]!r}: {error}") from None
        if not isinstance(values, dict):
            raise _bad("record", "a JSON object", values)
        known = {item.name for item in fields(cls)}
        unknown = sorted(values.keys() - known)
        if unknown:
            raise ValueError(f"record: unknown field {unknown[0]!r}; known: {sorted(known)}")
        missing = [
            key for key in ("name", "tag", "task", "preprocess", "embedding") if key not in values
        ]
        if missing:
            raise ValueError(f"record: field {missing[0]!r} is missing")
        return cls(**values)


def _bad(where: str, expected: str, found: object) -> ValueError:
    return ValueError(f"record field {where!r}: expected {expected}, got {str(found)[:80]!r}")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(where: str, value: object, pattern: re.Pattern[str] | None = None) -> None:
    if not isinstance(value, str):
        raise _bad(where, "text", value)
    if pattern is not None and not pattern.fullmatch(value):
        raise _bad(where, f"text like {pattern.pattern}", value)


def _number(where: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _bad(where, "a finite number", value)
    if not low <= value <= high:
        raise _bad(where, f"a number from {low:g} to {high:g}", value)
    return float(value)


def _sequence(where: str, value: object, length: int | None = None) -> list[Any]:
    expected = "a list" if length is None else f"a list of {length}"
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _bad(where, expected, value)
    if length is not None and len(value) != length:
        raise _bad(where, expected, value)
    return list(value)


def _mapping(where: str, value: object, required: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _bad(where, "an object", value)
    for key in required:
        if key not in value:
            raise ValueError(f"record field {where!r}: {key!r} is missing")
    return dict(value)


def _preprocess(value: object) -> Preprocess:
    keys = ("size", "colour", "mean", "std", "template")
    entry = _mapping("preprocess", value, keys)
    extra = sorted(entry.keys() - set(keys))
    if extra:
        raise _bad("preprocess", f"only {', '.join(keys)}", extra[0])
    size = _sequence("preprocess.size", entry["size"], 2)
    if not all(_is_int(side) and 1 <= side <= 4096 for side in size):
        raise _bad("preprocess.size", "[height, width] from 1 to 4096", size)
    if entry["colour"] not in COLOURS:
        raise _bad("preprocess.colour", " or ".join(COLOURS), entry["colour"])
    template = entry["template"]
    if template is not None:
        where = "preprocess.template"
        template = [
            [_number(where, axis) for axis in _sequence(where, xy, 2)]
            for xy in _sequence(where, template, 5)
        ]
    mean = [_number("preprocess.mean", m) for m in _sequence("preprocess.mean", entry["mean"], 3)]
    std = [
        _number("preprocess.std", s, low=1e-6) for s in _sequence("preprocess.std", entry["std"], 3)
    ]
    return {
        "size": size,
        "colour": entry["colour"],
        "mean": mean,
        "std": std,
        "template": template,
    }


def _scores(value: object) -> list[dict[str, Any]]:
    entries = []
    required = ("dataset", "protocol", "precision", "accuracy", "std")
    for index, item in enumerate(_sequence("scores", value)):
        where = f"scores[{index}]"
        entry = _mapping(where, item, required)
        _text(f"{where}.dataset", entry["dataset"])
        _text(f"{where}.protocol", entry["protocol"])
        if entry["precision"] not in PRECISIONS:
            raise _bad(f"{where}.precision", " or ".join(PRECISIONS), entry["precision"])
        entry["accuracy"] = _number(f"{where}.accuracy", entry["accuracy"], 0.0, 1.0)
        entry["std"] = _number(f"{where}.std", entry["std"], 0.0, 1.0)
        entries.append(entry)
    return entries


def _thresholds(value: object) -> list[Threshold]:
    entries: list[Threshold] = []
    for index, item in enumerate(_sequence("thresholds", value)):
        where = f"thresholds[{index}]"
        entry = _mapping(where, item, ("far", "threshold", "dataset", "protocol"))
        _text(f"{where}.dataset", entry["dataset"])
        _text(f"{where}.protocol", entry["protocol"])
        threshold: Threshold = {
            "far": _number(f"{where}.far", entry["far"], 0.0, 1.0),
            "threshold": _number(f"{where}.threshold", entry["threshold"], -1.0, 1.0),
            "dataset": entry["dataset"],
            "protocol": entry["protocol"],
        }
        if "interval" in entry:
            bounds = _sequence(f"{where}.interval", entry["interval"])
            if len(bounds) != 2:
                raise ValueError(f"{where}.interval: expected [low, high], got {bounds!r}")
            threshold["interval"] = [_number(f"{where}.interval", b, -1.0, 1.0) for b in bounds]
        entries.append(threshold)
    return entries


def _digests(value: object) -> dict[str, str]:
    entry = _mapping("sha256", value, ())
    for key, digest in entry.items():
        _text(f"sha256.{key}", digest, _SHA256)
    return entry
