"""``pocketvision calibrate``: from folders of people to thresholds that the other verbs use."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, InputError, open_set, verify
from pocketvision.faces.calibration import sidecar
from pocketvision.faces.calibration.place import beside
from pocketvision.runtime.shipped import host_targets

from .test_cli import error_of, json_of

PEOPLE, PICTURES = 40, 3


def crop(values: np.ndarray) -> np.ndarray:
    """A crop whose embedding by the fixture model points where ``values`` (128,) do: the model adds
    up the stored bytes of like index, a 128th of them, and those of the other rows, 1 and -1, are
    none in sum."""
    picture = np.full((112 * 112 * 3 // 128, 128), 127, np.uint8)
    picture[1::2] = 128
    picture[:128] = np.clip(128 + np.rint(values), 0, 255)
    return picture.reshape(112, 112, 3)


def face(person: int, picture: int) -> np.ndarray:
    """Different people have a cosine about 0 +- 0.2, pictures of one about 0.8."""
    centre = np.zeros(128)
    centre[:24] = np.random.default_rng(person).normal(0, 30, 24)
    centre[:24] += np.random.default_rng([person, picture]).normal(0, 15, 24)
    return crop(centre)


@pytest.fixture
def model(model_file: Path, tmp_path: Path) -> Path:
    """A model of one's own: beside it, files may be written."""
    place = tmp_path / "own" / "face.so"
    place.parent.mkdir()
    shutil.copy(model_file, place)
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty people of three pictures each."""
    return people(tmp_path / "people", PEOPLE, PICTURES)


def people(root: Path, count: int, pictures: int) -> Path:
    for person in range(count):
        place = root / f"person {person:02}"
        place.mkdir(parents=True)
        for picture in range(pictures):
            np.save(place / f"{picture}.npy", face(person, picture))
    return root


def test_thresholds_reach_the_other_verbs(
    folder: Path, model: Path, tmp_path: Path, capsys: Any
) -> None:
    page, picture = tmp_path / "sheet.html", tmp_path / "det.png"
    found = json_of(
        capsys, "calibrate", str(folder), "--model", str(model), "--html", str(page), "--plot",
        str(picture),
    )  # fmt: skip
    place = model.with_name("face.calibration.json")
    assert found["out"] == str(place) and found["folder"] == "people"
    assert (found["people"], found["pictures"]) == (PEOPLE, PEOPLE * PICTURES)
    assert (found["genuine_pairs"], found["impostor_pairs"]) == (PEOPLE * 3, 780)
    assert [entry["far"] for entry in found["thresholds"]] == [0.1, 0.05, 0.01]
    assert [item["rate"] for item in found["refused"]] == [0.001, 0.0001]
    assert "rule of three asks for 3000. About " in found["refused"][0]["why"]
    # 39 others, and as many more as 40 people carry at what is left of the rate for each 39.
    most = math.floor(39 * math.log(0.9) / math.log(1 - 3 / PEOPLE))
    assert {(e.get("templates", 1), e["size"], e["fpir"]) for e in found["identification"]} == {
        (each, size, 0.1) for each in (1, 2, 3) for size in (10, 30, most)
    }
    assert found["warnings"] == [] and found["skipped"] == []
    for entry, misses in zip(found["thresholds"], found["misses"], strict=True):
        assert entry["interval"][0] <= entry["threshold"] <= entry["interval"][1]
        assert 0 <= misses["low"] <= misses["share"] <= misses["high"] <= 1
        assert entry["dataset"] == f"own people (people, {found['date']})"
    text = place.read_text()
    assert str(tmp_path) not in text and "person 01" not in text

    embedder = Embedder(model)
    assert embedder.record.thresholds == found["thresholds"]
    assert open_set(embedder.record, 0.1, 20).size == 20
    a, b = (str(folder / f"person {person}" / "0.npy") for person in ("03", "07"))
    verdict = json_of(capsys, "verify", a, b, "--model", str(model), "--far", "0.05")
    assert verdict["threshold"] == found["thresholds"][1]["threshold"] and not verdict["same"]
    assert verdict["interval"] == found["thresholds"][1]["interval"]
    rows = np.asarray(embedder.embed(np.stack([face(3, 0), face(3, 1)])))
    by_path = verify(rows[0], rows[1], model=model, far=0.05)
    assert by_path.same and by_path.threshold == verdict["threshold"]
    refused = error_of(capsys, 2, "verify", a, b, "--model", str(model), "--far", "0.001")
    assert "calibrated: 0.1, 0.05, 0.01" in refused and "pocketvision calibrate" in refused

    shown = page.read_text()
    assert "person 0" in shown and "data:image/png;base64," in shown and 'src="http' not in shown
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_targets_of_one_model_share_a_calibration(folder: Path, model: Path, capsys: Any) -> None:
    assert beside("build/own.so") == "build/own.calibration.json"
    assert beside("own.v1.aarch64-i8mm.so") == "own.v1.calibration.json"
    target = host_targets()[0]
    shutil.move(model, model.with_name(f"face.{target}.so"))
    family = model.with_name("face")
    found = json_of(capsys, "calibrate", str(folder), "--model", str(family))
    assert found["out"] == str(model.with_name("face.calibration.json"))
    assert Embedder(family).record.thresholds == found["thresholds"]


def test_identify_uses_the_threshold_of_the_gallerys_size(
    folder: Path, model: Path, tmp_path: Path, capsys: Any
) -> None:
    call = ("identify", str(people(tmp_path / "known", 20, 1)), str(folder / "person 33"))
    options = ("--model", str(model), "--fpir", "0.1", "--allow-unreliable", "--allow-duplicate")
    assert "is not calibrated for identification" in error_of(capsys, 2, *call, *options)
    json_of(capsys, "calibrate", str(folder), "--model", str(model))
    found = json_of(capsys, *call, *options)
    wanted = open_set(Embedder(model).record, 0.1, 20)
    assert found["people"] == 20 and len(found["faces"]) == PICTURES
    for face in found["faces"]:
        assert face["threshold"] == wanted.threshold and face["fpir"] == 0.1


def test_everybody_may_be_enrolled_with_every_picture(
    folder: Path, model: Path, tmp_path: Path, capsys: Any
) -> None:
    """120 templates of the 40 people who calibrated; one picture each does not carry as many."""
    call = ("identify", str(folder), str(people(tmp_path / "new", 60, 1) / "person 55"))
    options = ("--model", str(model), "--fpir", "0.1", "--allow-unreliable", "--allow-duplicate")
    json_of(capsys, "calibrate", str(folder), "--model", str(model))
    (answer,) = json_of(capsys, *call, *options)["faces"]
    wanted = open_set(Embedder(model).record, 0.1, PEOPLE * PICTURES, PEOPLE)
    assert (answer["size"], answer["people"]) == (PEOPLE * PICTURES, PEOPLE)
    assert (answer["threshold"], answer["fpir"]) == (wanted.threshold, 0.1)
    assert answer["interval"] == list(wanted.interval)
    place = Path(beside(model))
    values = json.loads(place.read_text())
    values["identification"] = [e for e in values["identification"] if "templates" not in e]
    place.write_text(json.dumps(values))
    refused = error_of(capsys, 2, *call, *options)
    assert "among 120 templates of 40 people: it is calibrated up to 52 templates" in refused
    assert "enrol fewer pictures of each person" in refused and "as many pictures each" in refused


def test_the_text_for_people(folder: Path, model: Path, capsys: Any) -> None:
    from pocketvision.cli import main

    assert main(["calibrate", str(folder), "--model", str(model), "--far", "0.05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(
        "on 40 people, 120 pictures: 120 pairs of one person, 780 pairs of people"
    )
    assert lines[2].split()[0] == "0.05" and lines[-1].startswith("written: ")


def test_verify_says_what_to_type_where_a_model_has_no_thresholds(
    folder: Path, make_model: Any, record_values: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    bare = make_model(RECORD=record_values | {"thresholds": []}, name="bare")
    pair = [str(folder / "person 01" / f"{picture}.npy") for picture in (0, 1)]
    error = error_of(capsys, 2, "verify", *pair, "--model", str(bare))
    assert "none at all" in error and "pocketvision calibrate FOLDER --model FILE" in error
    out = tmp_path / "c.json"
    json_of(capsys, "calibrate", str(folder), "--model", str(bare), "--out", str(out))
    verdict = json_of(capsys, "verify", *pair, "--model", str(bare), "--calibration", str(out))
    assert verdict["same"] and verdict["dataset"].startswith("own people (people, ")


def test_another_models_calibration_is_an_error(
    folder: Path, model: Path, make_model: Any, capsys: Any
) -> None:
    json_of(capsys, "calibrate", str(folder), "--model", str(model))
    place = Path(beside(model))
    pair = [str(folder / "person 01" / f"{picture}.npy") for picture in (0, 1)]
    error = error_of(
        capsys, 2, "verify", *pair, "--model", "facechain-25m", "--calibration", str(place)
    )
    assert f"{place}: is the calibration of fixture.sums.v1, and this model is facechain" in error
    shutil.copy(make_model(SHA='"' + "f" * 64 + '"', name="other"), model)
    with pytest.raises(InputError, match=r"and this model is other weights of it.* move the cal"):
        Embedder(model)
    with pytest.raises(InputError, match="is the calibration of"):
        verify(np.ones(128), np.ones(128), model=model)
    assert len(Embedder(model, calibration=False).record.thresholds) == 2
    json_of(capsys, "calibrate", str(folder), "--model", str(model))  # the way out
    assert len(Embedder(model).record.thresholds) == 3


def test_pickles_keep_the_calibration(
    folder: Path, model: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "mine.json"
    json_of(capsys, "calibrate", str(folder), "--model", str(model), "--out", str(out))
    embedder = Embedder(model, calibration=out)
    again = pickle.loads(pickle.dumps(embedder))
    assert (
        again.record.thresholds == embedder.record.thresholds != Embedder(model).record.thresholds
    )
    with pytest.raises(InputError, match="calibration: expected the path of a file"):
        Embedder(model, calibration=3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        Embedder(model, calibration=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"format": "other"}, "is no calibration"),
        ({"people": -1}, "'people': expected a count"),
        ({"source_sha256": "abc"}, "'source_sha256'"),
        ({"thresholds": [{"far": 0.1}]}, r"thresholds\[0\]"),
        ({"identification": [{"size": 0}]}, r"identification\[0\]"),
        ({"date": 5}, "'date': expected text"),
    ],
)
def test_damaged_calibrations(
    folder: Path, model: Path, capsys: Any, changes: dict[str, Any], named: str
) -> None:
    json_of(capsys, "calibrate", str(folder), "--model", str(model), "--far", "0.1")
    place = Path(beside(model))
    values = json.loads(place.read_text()) | changes
    place.write_text(json.dumps(values))
    with pytest.raises(InputError, match=named):
        Embedder(model)
    place.write_text("{" * 100_000)
    with pytest.raises(InputError, match="is no calibration"):
        Embedder(model)
    del values["folder"]
    place.write_text(json.dumps(values | {"format": sidecar.FORMAT}))
    with pytest.raises(InputError, match="'folder' is missing"):
        Embedder(model)


def test_what_the_people_do_not_carry_is_refused(folder: Path, model: Path, capsys: Any) -> None:
    call = ("calibrate", str(folder), "--model", str(model))
    error = error_of(capsys, 2, *call, "--far", "0.05", "--far", "0.001")
    assert "40 people do not carry 0.001: their 780 pairs, which share people" in error
    error = error_of(capsys, 2, *call, "--fpir", "0.01")
    assert "40 people do not carry 0.01" in error and "asks for 300 people" in error
    assert "expected a rate between 0 and 1" in error_of(capsys, 2, *call, "--far", "7")
    assert not Path(beside(model)).exists()


def test_one_person_is_too_few(tmp_path: Path, model: Path, capsys: Any) -> None:
    folder = people(tmp_path / "one", 1, 4)
    error = error_of(capsys, 2, "calibrate", str(folder), "--model", str(model))
    assert "expected pictures of at least two, got 4 of person 00" in error


def test_few_people_carry_nothing_or_are_warned_of(
    tmp_path: Path, model: Path, capsys: Any
) -> None:
    few = people(tmp_path / "few", 4, 2)
    error = error_of(capsys, 2, "calibrate", str(few), "--model", str(model))
    assert "4 people do not carry 0.1" in error
    more = people(tmp_path / "more", 15, 2)
    found = json_of(capsys, "calibrate", str(more), "--model", str(model))
    assert [entry["far"] for entry in found["thresholds"]][:1] == [0.1]
    assert any("15 people are few" in text for text in found["warnings"])
    assert found["identification"] == []


def test_one_picture_each_has_no_genuine_pairs(tmp_path: Path, model: Path, capsys: Any) -> None:
    folder = people(tmp_path / "singles", PEOPLE, 1)
    page, picture = tmp_path / "sheet.html", tmp_path / "det.png"
    found = json_of(
        capsys, "calibrate", str(folder), "--model", str(model), "--html", str(page), "--plot",
        str(picture),
    )  # fmt: skip
    assert found["genuine_pairs"] == 0 and found["thresholds"]
    assert set(found["misses"]) == {None} and found["unlike"] == []
    assert any("everybody has one picture" in text for text in found["warnings"])
    assert "There are none." in page.read_text() and picture.stat().st_size > 1000


def test_a_picture_under_two_names_is_an_error(folder: Path, model: Path, capsys: Any) -> None:
    call = ("calibrate", str(folder), "--model", str(model))
    copy = folder / "person 09" / "copy.npy"
    shutil.copy(folder / "person 02" / "1.npy", copy)
    error = error_of(capsys, 2, *call)
    assert "1 pictures stand under two names: " in error
    assert "person 02/1.npy and " in error and "person 09/copy.npy" in error
    changed = np.load(copy)
    changed[-1, -1, -1] ^= 1
    np.save(copy, changed)  # another file, and the same face
    error = error_of(capsys, 2, *call)
    assert "two names (cosine above 0.999): person 02 and person 09" in error


def test_one_person_in_two_folders_is_noticed(folder: Path, model: Path, capsys: Any) -> None:
    second = folder / "Person-02"
    second.mkdir()
    np.save(second / "a.npy", face(2, 77))
    found = json_of(capsys, "calibrate", str(folder), "--model", str(model))
    spelling, alike = found["warnings"]
    assert "differ in spelling only" in spelling and "Person-02 and person 02" in spelling
    assert "may be one person in two folders" in alike and "Person-02" in alike
    assert {Path(found["alike"][0][side]).parent.name for side in "ab"} == {
        "Person-02",
        "person 02",
    }


def test_bad_pictures_stop_it_or_are_listed(folder: Path, model: Path, capsys: Any) -> None:
    from pocketvision.cli import main

    (folder / "person 05" / "bad.jpg").write_bytes(b"no picture")
    (folder / "person 05" / "notes.txt").write_text("x")
    call = ["calibrate", str(folder), "--model", str(model)]
    assert main(call) == 2
    assert "bad.jpg: " in capsys.readouterr().err and not Path(beside(model)).exists()
    assert main([*call, "--skip-bad", "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert {Path(item["path"]).name for item in found["skipped"]} == {"bad.jpg", "notes.txt"}
    assert "bad.jpg" in captured.err and found["pictures"] == PEOPLE * PICTURES


def test_names_are_escaped_in_the_page(
    folder: Path, model: Path, tmp_path: Path, capsys: Any
) -> None:
    (folder / "person 02").rename(folder / "<img src=x onerror=alert(1)>")
    np.save(folder / "<img src=x onerror=alert(1)>" / "9.npy", face(3, 99))
    page = tmp_path / "sheet.html"
    json_of(capsys, "calibrate", str(folder), "--model", str(model), "--html", str(page))
    assert "&lt;img src=x" in page.read_text() and "<img src=x" not in page.read_text()
