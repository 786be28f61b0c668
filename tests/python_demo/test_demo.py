"""The demonstration: its faces, their damaged copies, and one run from start to end."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pocketvision.demo import damage, faces, photos
from pocketvision.demo.__main__ import main
from pocketvision.demo.damage import COPIES
from pocketvision.faces.alignment import align
from pocketvision.faces.find.photo import Faces


def test_the_astronauts_landmarks_lie_where_the_face_is() -> None:
    face = faces.astronaut()
    assert face.picture.shape == (512, 512, 3)
    grey = face.picture.mean(axis=2)
    for x, y in face.landmarks[:2].round().astype(int):
        pupil = grey[y - 2 : y + 3, x - 2 : x + 3].min()
        cheek = grey[y + 18 : y + 23, x - 2 : x + 3].mean()
        assert pupil < 0.5 * cheek


def test_patches_are_grey_faces_of_25_pixels() -> None:
    found = faces.patches(faces.PATCH_FACES)
    assert len(found) == 100
    for face in found:
        assert face.picture.shape == (25, 25, 3) and face.picture.dtype == np.uint8
        assert (face.picture[..., 0] == face.picture[..., 2]).all()


@pytest.mark.parametrize("count", [0, 101, -1])
def test_no_more_patches_than_there_are_faces(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        faces.patches(count)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_differs_yet_keeps_the_face_in_place(name: str) -> None:
    face = faces.astronaut()
    copy = COPIES[name](face)
    before = align(face.picture, face.landmarks)[0].astype(float)
    after = align(copy.picture, copy.landmarks)[0].astype(float)
    if name == "mirrored":
        after = after[:, ::-1]
    assert (before != after).any()
    likeness = np.corrcoef(before.mean(axis=2).ravel(), after.mean(axis=2).ravel())[0, 1]
    assert likeness > 0.9


def test_mirroring_twice_gives_the_face_back() -> None:
    face = faces.astronaut()
    twice = damage.mirrored(damage.mirrored(face))
    assert (twice.picture == face.picture).all()
    np.testing.assert_allclose(twice.landmarks, face.landmarks)


def test_a_run_prints_scores_and_latency_and_writes_the_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), "--rounds", "2"]) == 0
    text = capsys.readouterr().out
    for expected in (
        *COPIES,
        "threshold",
        "faces found by facefinder-160",
        "latency per face",
        "onnxruntime int8",
    ):
        assert expected in text
    assert re.search(r"the (\d+) of 100 LFW patches in which a face is found", text)
    # Both portraits are found, and the copies of the first are the same person.
    verdicts = re.findall(r"^  (.{12}) (same person|different people): ", text, re.M)
    assert [said for _, said in verdicts] == ["same person"] * len(COPIES) + ["different people"]
    for name in ("photos.png", "faces.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_plain_photos_are_found() -> None:
    finder = Faces("facechain-25m")
    for photo in photos.portraits():
        face = photos.found(finder, photo)
        assert face is not None and len(finder.find(photo.picture)) >= 1
        if photo.name == "astronaut":
            given = np.array(faces.ASTRONAUT_LANDMARKS)
            np.testing.assert_allclose(face.landmarks, given, atol=10)
    some = [photos.found(finder, photo) for photo in photos.strangers(20)]
    assert sum(face is not None for face in some) >= 15
    assert photos.found(finder, photos.Photo("none", np.zeros((96, 96, 3), np.uint8))) is None


def test_an_unknown_model_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), "--model", "no-such-net"]) == 2
    assert "no-such-net" in capsys.readouterr().err
