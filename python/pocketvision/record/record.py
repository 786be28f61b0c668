"""The record: what a model is, how its input is prepared and what was measured of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from .face import FaceEmbedding, Identification, Threshold
from .fields import bad, is_int, mapping, number, sequence, text

METADATA_KEY = "pocketvision.record"
"""Key of the record's JSON text in the ``metadata_props`` of an ONNX file."""

COLOURS = ("RGB", "BGR")
PRECISIONS = ("float32", "int8")

if TYPE_CHECKING:
    from .clips import Clips
    from .detection import FaceDetection
    from .restoration import Restoration

    Part = FaceEmbedding | Clips | FaceDetection | Restoration

TASKS = ("face-embedding", "clips", "face-detection", "restoration")
"""Each has a part: what a record holds besides the common fields. In JSON all stand side by side,
so no part has a field of another name's meaning."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAG = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Preprocess(TypedDict):
    """How an uint8 picture becomes the network's input: ``(pixel - mean) / std`` per channel.

    ``template``: of a face network, the points of its aligned crop.
    """

    size: list[int]
    colour: str
    mean: list[float]
    std: list[float]
    template: NotRequired[list[list[float]] | None]


@dataclass(frozen=True)
class Record:
    """One model's record: what all have, and the part of its task; every field is JSON data.

    ``part``: that of ``task``, one of ``TASKS``. ``preprocess``: ``size`` is [height, width],
    ``template`` five [x, y] points of the aligned crop (image-left eye, image-right eye, nose,
    left and right mouth corner) or None.
    ``scores``: mappings with dataset, protocol, precision, accuracy and std (both fractions of 1),
    and anything else. ``sha256``: file kind to 64 hexadecimal digits. ``architecture``: of a
    network that a search found, its family and arguments (such as a genotype), else None.

    Raises ValueError that names the field when one is malformed.
    """

    name: str
    tag: str
    task: str
    preprocess: Preprocess
    part: Part
    paper: str = ""
    scores: list[dict[str, Any]] = field(default_factory=list)
    teacher: str | None = None
    data: str = ""
    licence: str = ""
    quantiser: str | None = None
    arithmetic: str = "float32-scale"
    sha256: dict[str, str] = field(default_factory=dict)
    architecture: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        text("name", self.name, _NAME)
        text("tag", self.tag, _TAG)
        for key in ("task", "arithmetic"):
            text(key, getattr(self, key), re.compile(r"\S+"))
        for key in ("paper", "data", "licence"):
            text(key, getattr(self, key))
        for key in ("teacher", "quantiser"):
            if getattr(self, key) is not None:
                text(key, getattr(self, key))
        if not isinstance(self.part, part_of(self.task)):
            raise bad("part", f"a {part_of(self.task).__name__}", type(self.part).__name__)
        # Copies, so that a caller's later change of its own lists does not reach a frozen record.
        object.__setattr__(self, "preprocess", _preprocess(self.preprocess))
        self.part.check_preprocess(self.preprocess)
        object.__setattr__(self, "scores", _scores(self.scores))
        object.__setattr__(self, "sha256", _digests(self.sha256))
        if self.architecture is not None:
            known = mapping("architecture", self.architecture, ("family",))
            object.__setattr__(self, "architecture", known)

    @property
    def full_name(self) -> str:
        """``name.tag``: the one spelling that names these weights."""
        return f"{self.name}.{self.tag}"

    @property
    def face(self) -> FaceEmbedding:
        """The part of a face embedder; ValueError for a model of another task."""
        if not isinstance(self.part, FaceEmbedding):
            raise ValueError(
                f"{self.full_name}: expected a face embedder, got a model of the task {self.task!r}"
            )
        return self.part

    @property
    def embedding(self) -> int:
        """Of a face embedder: values of an embedding."""
        return self.face.embedding

    @property
    def metric(self) -> str:
        """Of a face embedder: how two embeddings are compared."""
        return self.face.metric

    @property
    def thresholds(self) -> list[Threshold]:
        """Of a face embedder: the calibrated thresholds."""
        return self.face.thresholds

    @property
    def identification(self) -> list[Identification]:
        """Of a face embedder: the thresholds calibrated by the number of enrolled templates."""
        return self.face.identification

    def threshold_at(self, far: float) -> Threshold:
        """The calibrated threshold at false accept rate ``far``; ValueError when there is none."""
        return self.face.threshold_at(far, self.full_name)

    def with_(self, **changes: Any) -> Record:
        """A validated copy with the named fields, those of the part among them, replaced."""
        return Record.from_dict({**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON data: the fields of the part stand beside the common ones."""
        values = {key: getattr(self, key) for key in _COMMON}
        values |= {item.name: getattr(self.part, item.name) for item in fields(self.part)}
        for key in ("architecture", "identification", "unrecognisable", "smallest"):
            if not values.get(key):
                values.pop(key, None)  # so that records of before have the bytes of before
        return values

    def to_json(self) -> str:
        """Stable JSON text: sorted keys, so equal records give equal bytes."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """The inverse of ``to_dict``; ValueError names what is missing, unknown or malformed."""
        for key in ("name", "tag", "task", "preprocess"):
            if key not in values:
                raise ValueError(f"record: field {key!r} is missing")
        kind = part_of(values["task"])
        own = {item.name for item in fields(kind)}
        unknown = sorted(values.keys() - own - set(_COMMON))
        if unknown:
            known = sorted(own | set(_COMMON))
            raise ValueError(f"record: unknown field {unknown[0]!r}; known: {known}")
        for item in fields(kind):
            if item.name not in values and item.default is MISSING is item.default_factory:
                raise ValueError(f"record: field {item.name!r} is missing")
        part = kind(**{key: values[key] for key in own & values.keys()})
        return cls(part=part, **{key: values[key] for key in _COMMON if key in values})

    @classmethod
    def from_json(cls, source: str | bytes) -> Record:
        """Parse JSON text; ValueError names what is missing, unknown or malformed."""
        try:
            values = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"record: expected JSON text, got {source[:60]!r}: {error}") from None
        if not isinstance(values, dict):
            raise bad("record", "a JSON object", values)
        return cls.from_dict(values)


_COMMON = tuple(item.name for item in fields(Record) if item.name != "part")


def part_of(task: object) -> type[Part]:
    """The class of a record's part; ValueError for a task that there is none for."""
    if task == "face-embedding":
        return FaceEmbedding
    if task == "clips":
        from .clips import Clips  # a face's start does not pay for the classes of other tasks

        return Clips
    if task == "face-detection":
        from .detection import FaceDetection

        return FaceDetection
    if task == "restoration":
        from .restoration import Restoration

        return Restoration
    raise bad("task", " or ".join(TASKS), task)


def _preprocess(value: object) -> Preprocess:
    required = ("size", "colour", "mean", "std")
    keys = (*required, "template")
    entry = mapping("preprocess", value, required)
    extra = sorted(entry.keys() - set(keys))
    if extra:
        raise bad("preprocess", f"only {', '.join(keys)}", extra[0])
    size = sequence("preprocess.size", entry["size"], 2)
    if not all(is_int(side) and 1 <= side <= 4096 for side in size):
        raise bad("preprocess.size", "[height, width] from 1 to 4096", size)
    if entry["colour"] not in COLOURS:
        raise bad("preprocess.colour", " or ".join(COLOURS), entry["colour"])
    template = entry.get("template")
    if template is not None:
        where = "preprocess.template"
        template = [
            [number(where, axis) for axis in sequence(where, xy, 2)]
            for xy in sequence(where, template, 5)
        ]
    mean = [number("preprocess.mean", m) for m in sequence("preprocess.mean", entry["mean"], 3)]
    std = [
        number("preprocess.std", s, low=1e-6) for s in sequence("preprocess.std", entry["std"], 3)
    ]
    prepared: Preprocess = {"size": size, "colour": entry["colour"], "mean": mean, "std": std}
    if "template" in entry:
        prepared["template"] = template
    return prepared


def _scores(value: object) -> list[dict[str, Any]]:
    entries = []
    required = ("dataset", "protocol", "precision", "accuracy", "std")
    for index, item in enumerate(sequence("scores", value)):
        where = f"scores[{index}]"
        entry = mapping(where, item, required)
        text(f"{where}.dataset", entry["dataset"])
        text(f"{where}.protocol", entry["protocol"])
        if entry["precision"] not in PRECISIONS:
            raise bad(f"{where}.precision", " or ".join(PRECISIONS), entry["precision"])
        entry["accuracy"] = number(f"{where}.accuracy", entry["accuracy"], 0.0, 1.0)
        entry["std"] = number(f"{where}.std", entry["std"], 0.0, 1.0)
        entries.append(entry)
    return entries


def _digests(value: object) -> dict[str, str]:
    entry = mapping("sha256", value, ())
    for key, digest in entry.items():
        text(f"sha256.{key}", digest, _SHA256)
    return entry
