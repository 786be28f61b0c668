"""Faces of pictures and frames by a detector of bright spots: places, turns, tiles, errors."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pocketvision
from pocketvision import _runtime
from pocketvision.cli import main
from pocketvision.errors import InputError, ModelFileError
from pocketvision.faces.find.detector import FORMATS
from pocketvision.faces.find.tiles import LEAST, Tile, merged, tiles

from ...csrc import detect_reference
from ...csrc.host import packed

ROOT = Path(__file__).resolve().parents[3]
RECORD = {
    "name": "spots", "tag": "t", "task": "face-detection",
    "preprocess": {"size": [64, 96], "colour": "RGB", "mean": [128] * 3, "std": [1] * 3},
    "strides": [8, 16, 32], "score": 0.7, "overlap": 0.4, "logit": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, seal: Callable[[bytes], bytes]) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("spots") / "spots.so"
    record = json.dumps(json.dumps(RECORD, sort_keys=True))
    subprocess.run(
        [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-s",
         f"-I{ROOT / 'csrc' / 'include'}", f"-DRECORD={record}",
         str(ROOT / "tests" / "csrc" / "fixture_detector.c"), "-o", str(path)],
        check=True,
    )  # fmt: skip
    path.write_bytes(seal(path.read_bytes()))
    return path


@pytest.fixture(scope="module")
def spots(file: Path) -> pocketvision.Detector:
    return pocketvision.Detector(file)


def picture(height: int, width: int, *places: tuple[int, int], radius: int = 8) -> np.ndarray:
    """Black, with bright squares around ``places`` (x, y)."""
    made = np.zeros((height, width, 3), np.uint8)
    for x, y in places:
        made[y - radius : y + radius, x - radius : x + radius] = 255
    return made


def test_spots_are_found_where_they_are(spots: pocketvision.Detector) -> None:
    """Twice the input's size: a cell is 16 pixels, a box 32 around the cell's centre."""
    faces = spots.find(picture(128, 192, (40, 40), (136, 88)))
    assert len(faces) == 2 and faces.scores.min() > 0.9
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2 + 0.5
    assert sorted(map(tuple, centres.tolist())) == [(40.0, 40.0), (136.0, 88.0)]
    np.testing.assert_allclose(faces.boxes[:, 2:] - faces.boxes[:, :2], 32)
    eyes = faces.landmarks[:, 0] + 0.5 - centres
    np.testing.assert_allclose(eyes, -8)


@pytest.mark.parametrize("turn", range(4))
def test_turned_pictures(spots: pocketvision.Detector, turn: int) -> None:
    """The eye that is left and up in the input is elsewhere in a picture that lies on its side."""
    size = (192, 128) if turn % 2 else (128, 192)
    faces = spots.find(picture(*size, (40, 56)), turn=turn)
    assert len(faces) == 1
    centre = (faces.boxes[0, :2] + faces.boxes[0, 2:]) / 2 + 0.5
    np.testing.assert_allclose(centre, (40, 56))
    offsets = {0: (-8, -8), 1: (8, -8), 2: (8, 8), 3: (-8, 8)}
    np.testing.assert_allclose(faces.landmarks[0, 0] + 0.5 - centre, offsets[turn])


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_a_camera(spots: pocketvision.Detector, form: str) -> None:
    whole = picture(128, 192, (40, 40), (136, 88))
    wanted = spots.find(whole)
    found = spots.find_frame(packed(whole, form), form)
    np.testing.assert_array_equal(found.boxes, wanted.boxes)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=0.01)


def test_small_faces_of_a_large_picture(spots: pocketvision.Detector) -> None:
    """Between the cells of the whole picture; a cell of the tiles is smaller than a spot."""
    places = np.array([(70, 70), (620, 401), (395, 255)])
    whole = picture(512, 768, *places.tolist(), radius=5)
    assert len(spots.find(whole)) == 0
    found = spots.find(whole, min_face=16)
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    distances = np.abs(centres[:, None] - places).max(axis=2)
    assert distances.min(axis=0).max() < 6 and distances.min(axis=1).max() < 12
    assert (np.diff(found.scores) <= 0).all()


def test_what_info_says_of_it(file: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["info", str(file)]) == 0
    said = capsys.readouterr().out
    assert "spots.t: face-detection, boxes and five landmarks from cells of 8, 16, 32" in said
    assert "from a score of 0.7; once where boxes overlap by more than 0.4" in said


def test_nothing_found(spots: pocketvision.Detector) -> None:
    found = spots.find(np.zeros((50, 70, 3), np.uint8), min_face=8)
    assert len(found) == 0 and found.landmarks.shape == (0, 5, 2)


def test_most(spots: pocketvision.Detector) -> None:
    places = [(24 + 48 * i, 40) for i in range(4)]
    assert len(spots.find(picture(128, 192, *places))) == 4
    assert len(spots.find(picture(128, 192, *places), most=3)) == 3


def test_what_it_decodes_is_the_reference(file: Path) -> None:
    """The recipe that the host makes of a record, too."""
    library = _runtime.Library(str(file))
    finder = _runtime.Finder(library, [8, 16, 32], 2.0, 0.5, 0.4, [128.0] * 3, [1.0] * 3, False, 50)
    random = np.random.default_rng(6)
    outputs = [
        random.integers(-128, 128, tensor.shape).astype(np.int8) for tensor in library.outputs
    ]
    levels = [
        {
            "stride": stride, "zero_point": 0, "step": detect_reference.step(1 / 32, stride),
            "chance": detect_reference.chances(1 / 32, 0, 2.0, True),
        }
        for stride in (8, 16, 32)
    ]  # fmt: skip
    found = [
        (one["box"].tolist(), one["landmarks"].tolist(), int(one["score"]))
        for one in finder.decode(outputs, 20)
    ]
    score, overlap = round(0.5 * 65535), round(0.4 * 65536)
    assert found == detect_reference.decode(outputs, levels, score, overlap, 50, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"picture": np.zeros((5, 5), np.uint8)}, "picture: expected"),
        ({"picture": np.zeros((5, 5, 3), np.float32)}, "picture: expected"),
        ({"turn": 4}, "turn: expected"),
        ({"min_face": 0}, "min_face: expected"),
        ({"most": 0}, "most: expected"),
    ],
)
def test_refusals(spots: pocketvision.Detector, arguments: dict, message: str) -> None:
    given = {"picture": np.zeros((9, 9, 3), np.uint8)} | arguments
    with pytest.raises(InputError, match=message):
        spots.find(given.pop("picture"), **given)


def test_other_refusals(file: Path, spots: pocketvision.Detector, model_file: Path) -> None:
    with pytest.raises(ModelFileError, match="expected a face detector, got a model of the task"):
        pocketvision.Detector(model_file)
    for score in (0, 1, "x", True):
        with pytest.raises(InputError, match="score: expected a number"):
            pocketvision.Detector(file, score=score)
    with pytest.raises(InputError, match="form: expected one of grey8"):
        spots.find_frame(np.zeros((4, 4), np.uint8), "png")
    with pytest.raises(InputError, match=r"rows: expected uint8 \(H, 3 W\)"):
        spots.find_frame(np.zeros((4, 4), np.uint8), "rgb888")
    with pytest.raises(InputError, match="rows: .* pairs of pixels"):
        spots.find_frame(np.zeros((4, 6), np.uint8), "yuyv")


@pytest.mark.parametrize("seed", range(20))
def test_every_small_face_is_whole_in_a_tile(seed: int) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(side) for side in random.integers(100, 3000, 2))
    smallest = int(random.integers(14, 80))
    made = tiles(height, width, (64, 96), smallest)
    assert made[0] == Tile(0, 0, width, height)
    assert all(
        t.left >= 0 and t.top >= 0 and t.left + t.width <= width and t.top + t.height <= height
        for t in made
    )
    for _ in range(50):
        x, y = random.uniform(0, width - smallest), random.uniform(0, height - smallest)
        # In some tile it has the pixels that a face needs, or the picture's own.
        assert any(
            t.left <= x and x + smallest <= t.left + t.width and t.top <= y
            and y + smallest <= t.top + t.height
            and min(64 / t.height, 96 / t.width) * smallest >= min(LEAST, smallest) * 0.95
            for t in made
        )  # fmt: skip


@pytest.mark.parametrize("smallest", range(14, 400))
def test_tiles_end_whatever_the_smallest_face(smallest: int) -> None:
    """14 / 166 * 166 is below 14 in floating point, which was looked at in ever more tiles."""
    made = tiles(4000, 6000, (128, 160), smallest)
    last = made[-1]
    assert min(128 / last.height, 160 / last.width) * smallest >= LEAST * 0.95


def test_a_face_that_two_tiles_show_is_told_once() -> None:
    def face(left: int, right: int, score: int) -> np.ndarray:
        one = np.zeros(1, _runtime.DETECTION)
        one["box"], one["score"] = np.array([left, 100, right, 140]) * 256, score
        return one

    left, right = Tile(0, 0, 200, 300), Tile(150, 0, 200, 300)
    # The left tile cuts it and is surer all the same.
    found = merged([(left, face(180, 205, 900)), (right, face(180, 220, 800))], 300, 350, 0.4)
    assert found["box"][0].tolist() == [180 * 256, 100 * 256, 220 * 256, 140 * 256]
    assert len(found) == 1
