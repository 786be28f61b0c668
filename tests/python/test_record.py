"""Records: what survives the JSON text, and which field an error names."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pocketvision import Record
from pocketvision.record import FaceEmbedding

WEIGHTS = Path(__file__).resolve().parents[2] / "training" / "weights"

IDENTIFICATION = {
    "size": 10, "fpir": 0.01, "threshold": 0.4, "interval": [0.0, 0.02],
    "dataset": "made", "protocol": "none",
}  # fmt: skip
KNOWN = {"count": 1, "directions": "A" * 172, "level": 0.1, "data": "made"}
SCORE = {"dataset": "LFW", "protocol": "10-fold", "precision": "int8", "accuracy": 0.9, "std": 0.01}


def test_round_trip_is_stable(record_values: dict[str, Any]) -> None:
    record = Record.from_json(json.dumps(record_values))
    scored = record.with_(scores=[{**SCORE, "pairs": 6000}], sha256={"onnx": "a" * 64})
    text = scored.to_json()
    assert Record.from_json(text) == scored
    assert Record.from_json(text).to_json() == text
    assert scored.scores[0]["pairs"] == 6000
    assert record.scores == [] and record.full_name == "fixture.sums.v1"


def test_it_is_frozen_and_keeps_no_alias(record_values: dict[str, Any]) -> None:
    values = copy.deepcopy(record_values)
    record = Record.from_dict(values)
    values["preprocess"]["mean"][0] = 99.0
    values["thresholds"].clear()
    assert record.preprocess["mean"][0] == 127.5 and len(record.thresholds) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.name = "other"  # type: ignore[misc]


def test_where_unrecognisable_faces_gather(record_values: dict[str, Any]) -> None:
    assert Record.from_dict(record_values).face.unrecognisable is None
    assert "unrecognisable" not in Record.from_dict(record_values).to_dict()
    record = Record.from_dict({**record_values, "unrecognisable": KNOWN})
    assert record.face.unrecognisable == KNOWN
    assert Record.from_json(record.to_json()) == record


def test_identification(record_values: dict[str, Any]) -> None:
    assert Record.from_dict(record_values).identification == []
    values = [IDENTIFICATION, IDENTIFICATION | {"size": 100}]
    record = Record.from_dict({**record_values, "identification": values})
    values.clear()
    assert [entry["size"] for entry in record.identification] == [10, 100]
    assert Record.from_json(record.to_json()) == record


def test_thresholds(record_values: dict[str, Any]) -> None:
    record = Record.from_dict(record_values)
    assert record.threshold_at(1e-3)["threshold"] == 0.5
    with pytest.raises(ValueError, match=r"calibrated: 0\.01, 0\.001"):
        record.threshold_at(1e-6)
    with pytest.raises(ValueError, match="none at all"):
        record.with_(thresholds=[]).threshold_at(1e-2)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("name",), "Pocket Net", "name"),
        (("name",), 3, "name"),
        (("tag",), "", "tag"),
        (("task",), "", "task"),
        (
            ("task",),
            "detection",
            "'task': expected .* or face-detection or restoration, got 'detection'",
        ),
        (("preprocess", "mean"), [10**400, 0, 0], "preprocess.mean"),
        (("teacher",), 5, "teacher"),
        (("embedding",), 0, "embedding"),
        (("embedding",), True, "embedding"),
        (("preprocess",), [], "preprocess"),
        (("preprocess", "size"), [112], "preprocess.size"),
        (("preprocess", "size"), [112, 0], "preprocess.size"),
        (("preprocess", "colour"), "GREY", "preprocess.colour"),
        (("preprocess", "mean"), [1.0, 2.0], "preprocess.mean"),
        (("preprocess", "std"), [1.0, 2.0, 0.0], "preprocess.std"),
        (("preprocess", "std"), [1.0, 2.0, float("nan")], "preprocess.std"),
        (("preprocess", "template"), [[1, 2]], "preprocess.template"),
        (("preprocess", "gamma"), 2.2, "preprocess"),
        (("scores",), [{"dataset": "LFW"}], "scores\\[0\\]"),
        (("scores",), [{**SCORE, "accuracy": 99.1}], "scores\\[0\\].accuracy"),
        (("scores",), [{**SCORE, "precision": "int4"}], "scores\\[0\\].precision"),
        (("thresholds",), [{"far": 0.1}], "thresholds\\[0\\]"),
        (("unrecognisable",), {"count": 1, "level": 0, "data": ""}, "'directions' is missing"),
        (("unrecognisable",), KNOWN | {"count": 0}, "unrecognisable.count.*from 1 to 128"),
        (("unrecognisable",), KNOWN | {"count": 2}, "directions.*2 x 128.*172 characters"),
        (("unrecognisable",), KNOWN | {"directions": 5}, "unrecognisable.directions"),
        (("unrecognisable",), KNOWN | {"level": 1.1}, "unrecognisable.level.*from 0 to 1"),
        (("unrecognisable",), KNOWN | {"data": 3}, "unrecognisable.data"),
        (("identification",), [{"size": 10}], "identification\\[0\\].*'fpir' is missing"),
        (("identification",), [IDENTIFICATION | {"size": 0}], "identification\\[0\\].size"),
        (("identification",), [IDENTIFICATION | {"size": 1.5}], "identification\\[0\\].size"),
        (("identification",), [IDENTIFICATION | {"fpir": 1}], "identification\\[0\\].fpir"),
        (("identification",), [IDENTIFICATION | {"fpir": 0}], "identification\\[0\\].fpir"),
        (("identification",), [IDENTIFICATION | {"threshold": 2}], "identification\\[0\\].thre"),
        (("identification",), [IDENTIFICATION | {"interval": [0]}], "identification\\[0\\].int"),
        (("identification",), [IDENTIFICATION | {"dataset": 5}], "identification\\[0\\].dataset"),
        (("sha256",), {"onnx": "abc"}, "sha256.onnx"),
        (("colour",), "RGB", "colour"),
    ],
)
def test_errors_name_the_field(
    record_values: dict[str, Any], path: tuple[str, ...], value: object, named: str
) -> None:
    values = copy.deepcopy(record_values)
    holder = values
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    with pytest.raises(ValueError, match=named):
        Record.from_json(json.dumps(values))


@pytest.mark.parametrize("key", ["name", "tag", "task", "preprocess", "embedding"])
def test_required_fields(record_values: dict[str, Any], key: str) -> None:
    values = {name: value for name, value in record_values.items() if name != key}
    with pytest.raises(ValueError, match=f"'{key}' is missing"):
        Record.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "not json", "[1, 2]", "null", b"\xff\xfe"])
def test_text_that_is_no_record(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="record"):
        Record.from_json(text)


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_records_keep_their_bytes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    record = Record.from_json(text)
    assert json.loads(record.to_json()) == json.loads(text)
    assert record.to_json() == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
    assert record.with_(paper=record.paper) == record
    assert isinstance(record.part, FaceEmbedding) == (record.task == "face-embedding")


@pytest.mark.parametrize("far", [None, 10**400, float("nan"), "0.01", True, -1, [0.01]])
def test_rates_that_are_none(record_values: dict[str, Any], far: Any) -> None:
    with pytest.raises(ValueError, match="^far: "):
        Record.from_dict(record_values).threshold_at(far)


DETECTOR = {
    "name": "finder",
    "tag": "t",
    "task": "face-detection",
    "preprocess": {"size": [96, 128], "colour": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1]},
    "strides": [8, 16, 32],
    "score": 0.6,
    "overlap": 0.45,
    "logit": 2.0,
}


def test_a_record_of_a_detector() -> None:
    record = Record.from_dict(DETECTOR)
    assert Record.from_json(record.to_json()) == record
    assert record.part.strides == [8, 16, 32] and record.part.logit == 2.0
    with pytest.raises(ValueError, match=r"finder\.t: expected a face embedder"):
        record.threshold_at(0.01)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strides": []}, "'strides': expected 1 to 4 rising"),
        ({"strides": [16, 8]}, "'strides': expected 1 to 4 rising"),
        ({"strides": [8, 8.5]}, "'strides': expected 1 to 4 rising"),
        ({"score": 1.0}, "'score': expected a number between 0 and 1"),
        ({"overlap": 0}, "'overlap': expected a number between 0 and 1"),
        ({"logit": -1}, "'logit': expected a number above 0"),
        ({"strides": [8, 64]}, "'preprocess.size': expected multiples of 64"),
        (
            {"preprocess": DETECTOR["preprocess"] | {"template": [[0, 0]] * 5}},
            "a detector has no 'template'",
        ),
    ],
)
def test_mistakes_in_a_record_of_a_detector(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Record.from_dict(DETECTOR | values)


CLIPS = {
    "name": "vtn-small",
    "tag": "t",
    "task": "clips",
    "preprocess": {"size": [112, 112], "colour": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1]},
    "classes": ["calm", "fight"],
    "frames": 16,
}


def test_a_record_of_clips() -> None:
    record = Record.from_dict(CLIPS | {"modality": "rgb+difference", "stride": 2})
    assert Record.from_json(record.to_json()) == record
    assert record.part.classes == ["calm", "fight"] and record.part.stride == 2
    with pytest.raises(ValueError, match=r"vtn-small\.t: expected a face embedder, got .*'clips'"):
        record.threshold_at(0.01)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ["a"]}, "'classes': expected two or more different"),
        ({"classes": ["a", "a"]}, "'classes': expected two or more different"),
        ({"classes": ["a", 3]}, r"'classes\[1\]': expected text"),
        ({"frames": 0}, "'frames': expected a positive integer"),
        ({"modality": "sound"}, "'modality': expected rgb, difference, flow"),
        ({"modality": "rgb+rgb"}, "'modality': expected rgb"),
        ({"embedding": 3}, "unknown field 'embedding'"),
        (
            {"preprocess": CLIPS["preprocess"] | {"template": [[0, 0]] * 5}},
            "a clip has no 'template'",
        ),
    ],
)
def test_mistakes_in_a_record_of_clips(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Record.from_dict(CLIPS | values)


def test_a_restorers_part(record_values: dict[str, Any]) -> None:
    values = {key: record_values[key] for key in ("name", "tag", "preprocess")}
    values |= {"task": "restoration", "smallest": 10, "largest": 32}
    record = Record.from_dict(values)
    assert Record.from_json(record.to_json()) == record and record.part.largest == 32
    for wrong, said in (
        ({"smallest": 33}, "'smallest': expected at most largest, 32"),
        ({"largest": 0}, "'largest': expected pixels from 1"),
        ({"smallest": True}, "'smallest': expected pixels from 1"),
    ):
        with pytest.raises(ValueError, match=said):
            Record.from_dict(values | wrong)
    bare = {key: value for key, value in values["preprocess"].items() if key != "template"}
    with pytest.raises(ValueError, match="'template' is missing"):
        Record.from_dict(values | {"preprocess": bare})


def test_the_smallest_face(record_values: dict[str, Any]) -> None:
    record = Record.from_dict(record_values)
    assert record.face.smallest is None and "smallest" not in record.to_dict()
    far = record.with_(smallest=11)
    assert far.face.smallest == 11 and Record.from_json(far.to_json()) == far
    for wrong in (0, 11.5, True, "11"):
        with pytest.raises(ValueError, match="'smallest': expected pixels from 1 to 4096"):
            record.with_(smallest=wrong)
