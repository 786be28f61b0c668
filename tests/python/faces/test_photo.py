"""Plain photos: the detector's faces with embeddings, quality and crops, largest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pocketvision
from pocketvision.cli import main
from pocketvision.errors import InputError, ModelFileError
from pocketvision.faces.alignment import align

from ..cli.test_cli import error_of, json_of
from .test_detector import file as file  # a fixture
from .test_detector import picture


@pytest.fixture(scope="module")
def faces(file: Path, tmp_path_factory: Any, make_model: Any) -> pocketvision.Faces:
    return pocketvision.Faces(make_model(), detector=file)


def noisy(*places: tuple[int, int]) -> np.ndarray:
    made = picture(128, 192, *places)
    noise = np.random.default_rng(3).integers(0, 40, made.shape, dtype=np.uint8)
    return np.asarray(np.maximum(made, noise), np.uint8)


def test_each_face_is_what_its_parts_give(faces: pocketvision.Faces) -> None:
    photo = noisy((40, 40), (136, 88))
    found = faces.find(photo)
    assert len(found) == 2
    alone = faces.detector.find(photo, min_face=24)
    assert sorted(face.box for face in found) == sorted(map(tuple, alone.boxes.tolist()))
    for face in found:
        index = alone.boxes.tolist().index(list(face.box))
        np.testing.assert_array_equal(face.landmarks, alone.landmarks[index])
        assert face.score == alone.scores[index]
        rows, quality = faces.embedder.embed(photo, face.landmarks[None], return_quality=True)
        np.testing.assert_array_equal(face.embedding, rows[0])
        assert face.quality == quality[0] and face.embedding.identity == faces.embedder.identity
        template = faces.embedder.record.preprocess["template"]
        np.testing.assert_array_equal(
            face.crop, align(photo, face.landmarks, size=(112, 112), template=template)[0]
        )
        assert repr(face).startswith("Face(32x32 at ")


def test_nobody_and_many(faces: pocketvision.Faces) -> None:
    assert faces.find(np.zeros((128, 192, 3), np.uint8)) == []
    assert faces.find(np.zeros((1, 1, 3), np.uint8)) == []
    photo = noisy(*((24 + 48 * x, 24 + 32 * y) for x in range(4) for y in range(3)))
    assert len(faces.find(photo)) == 12
    assert len(faces.find(photo, most=3)) == 3


def test_turned_pictures_are_turned_only_where_nobody_is_upright(
    faces: pocketvision.Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    find = faces.detector.find

    def counted(pixels: Any, **options: Any) -> Any:
        turns.append(options.get("turn", 0))
        found = find(pixels, **options)
        return found if options.get("turn", 0) == 1 else type(found)(*(v[:0] for v in found))

    monkeypatch.setattr(faces.detector, "find", counted)
    assert faces.find(noisy((40, 40))) == [] and turns == [0]
    turns.clear()
    assert len(faces.find(noisy((40, 40)), upside_down=True)) == 1 and turns == [0, 2, 1]


def test_what_is_no_photo_or_no_detector(
    faces: pocketvision.Faces, make_model: Any, model_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="picture"):
        faces.find(np.zeros((4, 4), float))
    (tmp_path / "x.jpg").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"x\.jpg"):
        faces.find(tmp_path / "x.jpg")
    with pytest.raises(ModelFileError, match="expected a face detector"):
        pocketvision.Faces(model_file, detector=model_file)


def test_detect_prints_what_other_verbs_take(
    file: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    photo, empty = tmp_path / "group.png", tmp_path / "empty.png"
    Image.fromarray(noisy((40, 40), (136, 88))).save(photo)
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(empty)
    call = ["detect", str(photo), str(empty), "--detector", str(file)]
    found = json_of(capsys, *call, "--draw", str(tmp_path / "drawn"))
    assert [row["face"] for row in found["faces"]] == [0, 1] and found["without"] == [str(empty)]
    drawn = np.asarray(Image.open(tmp_path / "drawn" / "00000-group.png"))
    left, top = (round(v) for v in found["faces"][0]["box"][:2])
    assert [0, 200, 0] in drawn[top + 16, left - 1 : left + 2].tolist()
    assert main([*call, "--landmarks-only"]) == 0
    told = capsys.readouterr()
    assert f"no face in 1:\n  {empty}" in told.err
    lines = told.out.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"{photo},") for line in lines)
    points = np.array([float(v) for v in lines[0].split(",")[1:]])
    np.testing.assert_allclose(points, found["faces"][0]["landmarks"], atol=0.006)
    landmarks = tmp_path / "points.csv"
    landmarks.write_text(told.out)
    rows = json_of(capsys, "embed", str(photo), "--landmarks", str(landmarks))
    assert len(rows["faces"]) == 2
    assert main(call) == 0
    head, *body = capsys.readouterr().out.splitlines()
    assert head.startswith("picture,face,score,left,top,right,bottom,left_eye_x") and len(body) == 2
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"x")
    assert "bad.jpg" in error_of(capsys, 2, "detect", str(bad), "--detector", str(file))
    assert main(["detect", str(bad), str(photo), "--detector", str(file), "--skip-bad"]) == 1
