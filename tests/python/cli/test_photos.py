"""Verbs on plain photos: one face, several, none, tiny, cut, turned, huge, and unreadable files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pocketvision
from pocketvision.cli import main
from pocketvision.cli.draw import DOUBTFUL, SURE
from pocketvision.faces.find import photo
from pocketvision.runtime import shipped

from . import portraits
from .test_cli import error_of, json_of

MODEL = ["--model", "facechain-25m"]
pytestmark = pytest.mark.skipif(
    shipped.DEFAULT_DETECTOR not in shipped.shipped(),
    reason="this installation was built without models",
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: one.png, two.png, near.png (one large, one small), none.png and others."""
    folder = tmp_path_factory.mktemp("photos")
    size = (640, 480)
    portraits.canvas(folder / "one.png", size, (100, 80, 224))
    portraits.canvas(folder / "two.png", size, (40, 80, 224), (350, 80, 220))
    portraits.canvas(folder / "near.png", size, (40, 80, 260), (400, 80, 120))
    portraits.canvas(folder / "none.png", size)
    portraits.canvas(folder / "small.png", size, (300, 200, 60))
    portraits.canvas(folder / "cut.png", size, (-90, 80, 224))
    portraits.canvas(folder / "huge.jpg", (6000, 4000), (2000, 1000, 1800))
    Image.open(folder / "one.png").rotate(180).save(folder / "down.png")
    (folder / "torn.jpg").write_bytes((folder / "huge.jpg").read_bytes()[:4000])
    (folder / "text.jpg").write_text("no picture")
    return folder


def near(found: list[float], wanted: list[float]) -> bool:
    """Whether a box overlaps another by half."""
    common = np.minimum(found[2:], wanted[2:]) - np.maximum(found[:2], wanted[:2])
    inside = float(np.prod(np.maximum(common, 0)))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (found, wanted)]
    return inside > 0.5 * (sum(areas) - inside)


def faces_of(capsys: Any, *pictures: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json_of(capsys, "embed", *map(str, pictures), *MODEL)["faces"]
    return found


def test_embed_gives_a_row_for_each_face(capsys: Any, photos: Path, tmp_path: Path) -> None:
    rows = faces_of(capsys, photos / "one.png", photos / "two.png")
    assert [(Path(row["picture"]).name, row["face"]) for row in rows] == [
        ("one.png", 0), ("two.png", 0), ("two.png", 1),
    ]  # fmt: skip
    for row, place in zip(rows, ((100, 80, 224), (40, 80, 224), (350, 80, 220)), strict=True):
        assert near(row["box"], portraits.box(*place)) and row["reasons"] == []
    one, left, right = (np.array(row["embedding"]) for row in rows)
    assert min(one @ left, one @ right) > 0.9
    out = tmp_path / "faces.npy"
    assert main(["embed", str(photos / "two.png"), *MODEL, "--out", str(out)]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert np.load(out).shape == (2, 128) and [len(line) for line in lines] == [6, 6]
    assert near([float(cell) for cell in lines[0][2:]], rows[1]["box"])


def test_a_photo_and_the_api_agree(capsys: Any, photos: Path) -> None:
    (row,) = faces_of(capsys, photos / "one.png")
    (face,) = pocketvision.Faces("facechain-25m").find(photos / "one.png")
    np.testing.assert_allclose(face.embedding, row["embedding"], atol=1e-6)
    np.testing.assert_allclose(face.box, row["box"], atol=0.01)


def test_a_picture_of_the_models_size_is_a_crop(capsys: Any, photos: Path, tmp_path: Path) -> None:
    (face,) = pocketvision.Faces("facechain-25m").find(photos / "one.png")
    Image.fromarray(face.crop).save(tmp_path / "crop.png")
    (row,) = faces_of(capsys, tmp_path / "crop.png")
    assert row["box"] is None
    np.testing.assert_allclose(face.embedding, row["embedding"], atol=1e-6)


def test_nobody(capsys: Any, photos: Path) -> None:
    for verb in ("embed", "verify"):
        pair = [str(photos / "none.png")] * (1 + (verb == "verify"))
        error = error_of(capsys, 2, verb, *pair, *MODEL)
        assert "none.png: no face found in 640 x 480 pixels" in error
        assert "from 24 pixels on" in error and "--min-face N" in error and "--landmarks" in error
    error = error_of(capsys, 2, "embed", str(photos / "down.png"), *MODEL)
    assert "upside down it shows one: turn the picture" in error
    paths = [str(photos / name) for name in ("none.png", "one.png")]
    assert main(["embed", *paths, *MODEL, "--skip-bad", "--json"]) == 1
    told = capsys.readouterr()
    assert [Path(face["picture"]).name for face in json.loads(told.out)["faces"]] == ["one.png"]
    assert "skipped 1 that cannot be used:" in told.err and "no face found in" in told.err


def test_small_faces_by_min_face(capsys: Any, photos: Path, tmp_path: Path) -> None:
    (row,) = faces_of(capsys, photos / "small.png")
    assert near(row["box"], portraits.box(300, 200, 60))
    tiny = portraits.canvas(tmp_path / "tiny.png", (640, 480), (300, 200, 30))
    (row,) = json_of(capsys, "embed", str(tiny), *MODEL, "--min-face", "10")["faces"]
    assert near(row["box"], portraits.box(300, 200, 30)) and row["quality"] < 50
    assert row["reasons"], "a face of 13 pixels carries no answer"
    refused = ["embed", str(photos / "small.png"), *MODEL, "--min-face", "200"]
    assert "where faces from 200 pixels on" in error_of(capsys, 2, *refused)
    wide = portraits.canvas(tmp_path / "wide.png", (3200, 2400), (1000, 900, 100))
    assert "where faces from 100 pixels on" in error_of(capsys, 2, "embed", str(wide), *MODEL)
    found = json_of(capsys, "embed", str(wide), *MODEL, "--min-face", "32")["faces"]
    assert near(found[0]["box"], portraits.box(1000, 900, 100))
    bad = ["embed", str(wide), *MODEL, "--min-face", "0"]
    assert "min_face: expected" in error_of(capsys, 2, *bad)


def test_a_face_at_the_border_says_so(capsys: Any, photos: Path) -> None:
    (row,) = faces_of(capsys, photos / "cut.png")
    assert row["box"][0] < 5 and "at the picture's border, which cuts it" in row["reasons"]
    pair = [str(photos / "one.png"), str(photos / "cut.png"), *MODEL]
    assert json_of(capsys, "verify", *pair)["reliable"] is False


@pytest.mark.parametrize("longest", [4096, 1000])
def test_huge(
    capsys: Any, photos: Path, longest: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """6000x4000 pixels: boxes are in those, whatever it was read with."""
    monkeypatch.setattr(photo, "LONGEST", longest)
    (row,) = faces_of(capsys, photos / "huge.jpg")
    assert near(row["box"], portraits.box(2000, 1000, 1800)) and row["quality"] > 60
    (face,) = pocketvision.Faces("facechain-25m").find(photos / "huge.jpg")
    # What is drawn stands in the pixels that were read.
    call = ["identify", str(tmp_path / "known"), str(photos / "huge.jpg"), *MODEL]
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "ada.png").write_bytes((photos / "one.png").read_bytes())
    drawn = tmp_path / "drawn.png"
    json_of(capsys, *call, "--threshold", "0.5", "--draw", str(drawn))
    pixels = np.asarray(Image.open(drawn)).astype(int)
    assert max(pixels.shape) == longest
    green = (np.abs(pixels - SURE) < 20).all(axis=2) | (np.abs(pixels - DOUBTFUL) < 20).all(axis=2)
    rows, columns = np.nonzero(green)
    scale = 6000 / longest
    assert abs(columns.min() * scale - row["box"][0]) < 60
    assert abs(rows.max() * scale - row["box"][3]) < 60
    eyes = np.array([[75, 101], [119, 103]]) * 1800 / 224 + [2000, 1000]
    np.testing.assert_allclose(face.landmarks[:2], eyes, atol=120)
    assert face.crop.shape == (112, 112, 3) and face.quality is not None
    assert face.quality.face is not None and face.quality.face > 60


def test_unreadable(capsys: Any, photos: Path) -> None:
    for name, why in (("torn.jpg", "torn.jpg: "), ("text.jpg", "not a picture that can be read")):
        assert why in error_of(capsys, 2, "embed", str(photos / name), *MODEL)
    assert "no such picture" in error_of(capsys, 2, "verify", "no.jpg", "no.jpg", *MODEL)


def test_verify_takes_the_largest_and_says_so(capsys: Any, photos: Path) -> None:
    pair = [str(photos / "one.png"), str(photos / "near.png")]
    assert main(["verify", *pair, *MODEL]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("same person: score 0.9")
    assert "near.png: shows 2 faces; the largest is taken, " in told.err
    verdict = json_of(capsys, "verify", *pair, *MODEL)
    assert [face["of"] for face in verdict["faces"]] == [1, 2]
    assert near(verdict["faces"][1]["box"], portraits.box(40, 80, 260))


@pytest.fixture
def people(photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    folder.mkdir()
    (folder / "ada.png").write_bytes((photos / "near.png").read_bytes())
    return folder


def test_enrol_and_identify(capsys: Any, photos: Path, people: Path, tmp_path: Path) -> None:
    gallery = str(tmp_path / "people.pvdb")
    error = error_of(capsys, 2, "enrol", str(photos / "two.png"), "--gallery", gallery, *MODEL)
    assert "two.png: shows 2 faces, and the largest (9" in error and "--largest" in error
    assert not Path(gallery).exists()
    rows = json_of(capsys, "enrol", str(people), "--gallery", gallery, *MODEL)["enrolled"]
    assert [(row["name"], row["state"]) for row in rows] == [("ada", "added")]
    two = ["enrol", str(photos / "two.png"), "--name", "ada", "--gallery", gallery, *MODEL]
    assert len(json_of(capsys, *two, "--largest")["enrolled"]) == 1
    drawn = tmp_path / "drawn.png"
    asked = ["identify", gallery, str(photos / "two.png"), "--threshold", "0.5", *MODEL]
    found = json_of(capsys, *asked, "--draw", str(drawn))["faces"]
    assert [face["name"] for face in found] == ["ada", "ada"]
    plain = np.asarray(Image.open(photos / "two.png")).astype(int)
    changed = np.abs(np.asarray(Image.open(drawn)).astype(int) - plain).sum(axis=2) > 0
    left, top, right, bottom = (round(edge) for edge in found[0]["box"])
    assert changed[top + 20 : bottom - 20, left - 1 : left + 2].any(axis=1).all()
    assert changed[bottom - 1 : bottom + 2, left + 1 : right].any(axis=0).all()
    assert not changed[top + 20 : bottom - 20, left + 20 : right - 20].any()
    assert main(asked) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("reasons,left,top,right,bottom") and len(lines) == 2
    folder = [str(photos / "one.png"), str(photos / "two.png")]
    error = error_of(
        capsys, 2, "identify", gallery, *folder, "--threshold", "0.5", *MODEL, "--draw", str(drawn)
    )
    assert "is one picture, and there are 2; name a folder" in error
    assert "drawn as PNG" in error_of(capsys, 2, *asked, "--draw", "x.jpg")


def test_identify_of_a_folder(capsys: Any, photos: Path, people: Path) -> None:
    asked = ["identify", str(people), str(photos / "one.png"), "--threshold", "0.5", *MODEL]
    (face,) = json_of(capsys, *asked)["faces"]
    assert face["name"] == "ada" and near(face["box"], portraits.box(100, 80, 224))


def test_calibrate_takes_photos(capsys: Any, photos: Path, people: Path, tmp_path: Path) -> None:
    """Who is alone in a folder carries no rate, which is said behind the pictures' own errors."""
    out = ["--out", str(tmp_path / "c.json"), *MODEL]
    (people / "bob.png").write_bytes((photos / "two.png").read_bytes())
    error = error_of(capsys, 2, "calibrate", str(people), *out)
    assert "bob.png: shows 2 faces" in error and "--largest" in error
    (people / "bob.png").write_bytes((photos / "none.png").read_bytes())
    assert "bob.png: no face found" in error_of(capsys, 2, "calibrate", str(people), *out)


def test_detect_draws_one_picture(capsys: Any, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "drawn.png"
    rows = json_of(capsys, "detect", str(photos / "one.png"), "--draw", str(out))["faces"]
    assert len(rows) == 1 and near(rows[0]["box"], portraits.box(100, 80, 224))
    assert Image.open(out).size == (640, 480)


def test_a_name_that_is_no_detector(capsys: Any, photos: Path) -> None:
    call = ["embed", str(photos / "one.png"), *MODEL, "--detector"]
    assert "got 'facechain-25m', a model" in error_of(capsys, 2, *call, "facechain-25m")
    assert "no such compiled model" in error_of(capsys, 2, *call, "none.so")
    both = [*call, "facefinder-160", "--landmarks", "x.csv"]
    assert "not allowed with" in error_of(capsys, 2, *both)


class _Page(HTMLParser):
    """Figures by section, and all that stands in captions."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[list[str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.groups.append([])
        if tag == "img":
            values = dict(attributes)
            assert (values["src"] or "").startswith("data:image/png;base64,")
            self.groups[-1].append(values["alt"] or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def sheet(capsys: Any, photos: Path, tmp_path: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """The faces of three pictures and a stranger, grouped."""
    pytest.importorskip("scipy")
    data = pytest.importorskip("skimage.data")
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("one.png", "two.png"):
        (folder / name).write_bytes((photos / name).read_bytes())
    patch = np.rint(np.asarray(data.lfw_subset()[0]) * 255).astype(np.uint8)
    image = Image.fromarray(patch).convert("RGB").resize((112, 112))
    image.save(folder / "a <stranger>.png")
    out = tmp_path / "sheet.html"
    yield json_of(capsys, "cluster", str(folder), "--out", str(out), *MODEL), out


def test_cluster(sheet: tuple[dict[str, Any], Path], capsys: Any, photos: Path) -> None:
    found, out = sheet
    assert [face["group"] for face in found["faces"]] == [0, 0, 0, 1] and found["groups"] == 2
    assert found["faces"][-1]["picture"].endswith("a <stranger>.png")
    assert all(-1 <= face["score"] <= 1 for face in found["faces"])
    record = pocketvision.Embedder("facechain-25m").record
    assert found["threshold"] == record.threshold_at(1e-3)["threshold"]
    page = _Page()
    page.feed(out.read_text())
    assert [len(group) for group in page.groups] == [3, 1]
    assert "a <stranger>.png, face 0" in page.groups[1][0]
    text = "".join(page.text)
    assert "4 faces in 2 groups" in text and "at a rate of 0.001 on LFW" in text
    assert out.stat().st_mode & 0o77 == 0
    call = ["cluster", str(photos / "one.png"), *MODEL]
    assert main(call) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head == "group,picture,face,score" and line == f"0,{photos / 'one.png'},0,1.0"
    assert "calibrated: " in error_of(capsys, 2, *call, "--far", "0.4")
    assert "threshold: expected" in error_of(capsys, 2, *call, "--threshold", "3")


def test_the_sheet_in_a_browser(sheet: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    """Headless Chromium draws it: crops are seen, and no picture is a broken one."""
    import shutil
    import subprocess

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip(f"not installed: any of {', '.join(names)}")
    shot = tmp_path / "shot.png"
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--window-size=900,700", f"--user-data-dir={tmp_path / 'profile'}",
         f"--screenshot={shot}", sheet[1].as_uri()],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    # Skin and hair: warm pixels, of which text and lines have none.
    warm = ((pixels[..., 0] - pixels[..., 2]) > 25).sum()
    assert warm > 5000
