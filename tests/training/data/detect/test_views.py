"""Views of pictures with faces: labels follow the pixels, draws hang on their generator alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.training.data.detect import Views, faces, views  # noqa: E402
from pocketvision.training.data.detect.crops import TEMPLATE, pasted, usual_box  # noqa: E402
from pocketvision.training.data.detect.store import Store  # noqa: E402

CENTRE, SIDE = (120.0, 90.0), 40.0


def spotted() -> tuple[np.ndarray, faces.Labels]:
    """A black picture with five bright spots, each a landmark, in a box."""
    points = np.array([[-8, -8], [9, -8], [0, 0], [-6, 10], [7, 10]], np.float32) + CENTRE
    picture = np.zeros((200, 240, 3), np.uint8)
    for number, (x, y) in enumerate(points.astype(int)):
        picture[y - 1 : y + 2, x - 1 : x + 2, number % 3] = 255
    box = np.array([[*(np.array(CENTRE) - SIDE / 2), *(np.array(CENTRE) + SIDE / 2)]], np.float32)
    # Centres of pixels are at halves.
    return picture, faces.Labels(box, points[None].astype(int) + np.float32(0.5), ("gt68",))


def item(picture: np.ndarray, labels: faces.Labels) -> views.Item:
    return views.Item(lambda scale: (picture, 1.0, 1.0), picture.shape[:2], labels)


@pytest.mark.parametrize("seed", range(12))
def test_landmarks_stay_on_their_spots(seed: int) -> None:
    picture, labels = spotted()
    options = Views(mosaic=0, smallest=50, largest=80, light=0, turn=0.5, upright=0)
    view = views.drawn(
        [((0, 0, 128, 160), item(picture, labels))], 128, 160, options, np.random.default_rng(seed)
    )
    # At this size spots are apart; a mirrored picture has the eyes changed over, as spots of two
    # colours show.
    for number, (x, y) in enumerate(view.points[0]):
        if not (3 <= x < 157 and 3 <= y < 125):
            continue
        around = view.pixels[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].max(axis=(0, 1))
        assert around.max() > 100, (number, x, y)
    if not view.ignored[0]:
        left, right = view.points[0][:2]
        assert left[0] < right[0] or options.turn > 0.4


def test_a_mosaic_has_the_faces_of_four() -> None:
    picture, labels = spotted()
    random = np.random.default_rng(3)
    options = Views(mosaic=1, smallest=10, largest=20)
    rectangles = views.tiles(128, 160, options, random)
    assert len(rectangles) == 4
    assert sum((b - t) * (r - left) for t, left, b, r in rectangles) == 128 * 160
    view = views.drawn([(t, item(picture, labels)) for t in rectangles], 128, 160, options, random)
    assert len(view.boxes) >= 3
    for box in view.boxes:
        inside = [t for t in rectangles if t[1] <= box[0] and box[2] <= t[3]]
        assert inside


def test_same_generator_same_view() -> None:
    picture, labels = spotted()
    made = [
        views.drawn(
            [((0, 0, 64, 96), item(picture, labels))], 64, 96, Views(), np.random.default_rng(5)
        )
        for _ in range(2)
    ]
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_mostly_outside_is_ignored() -> None:
    boxes = np.array([[-60.0, 0, 20, 40], [-10, 0, 30, 40]])
    shown, share = views._cut(boxes, 50, 50)
    assert shown.tolist() == [[0, 0, 20, 40], [0, 0, 30, 40]]
    assert share.tolist() == [0.25, 0.75]


def test_the_store_gives_the_size_that_is_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    pictures = [random.integers(0, 256, (61, 80, 3), dtype=np.uint8), np.full((8, 8, 3), 9, "u1")]
    store = Store(tmp_path / "cache", pictures)
    whole, wide, high = store.at(0, 0.9)
    np.testing.assert_array_equal(whole, pictures[0])
    assert (wide, high) == (1, 1)
    half, wide, high = store.at(0, 0.4)
    assert half.shape == (31, 40, 3) and (wide, high) == (0.5, 31 / 61)
    assert store.at(1, 0.01)[0].shape == (1, 1, 3)
    # An area is the mean of what it covers.
    assert abs(half[:30].mean() - pictures[0][:60].mean()) < 1


def test_a_pasted_crop_has_its_landmarks_where_the_template_says() -> None:
    box = usual_box([spotted()[1]], "gt68")
    background = np.zeros((200, 200, 3), np.uint8)
    crop = np.zeros((112, 112, 3), np.uint8)
    for x, y in TEMPLATE.astype(int):
        crop[y - 1 : y + 2, x - 1 : x + 2] = 255
    picture, labels = pasted(background, crop, box, 112, np.random.default_rng(0))
    for x, y in labels.points[0].astype(int):
        assert picture[y - 1 : y + 2, x - 1 : x + 2].max() > 150
    with pytest.raises(ValueError, match="no face of kind 'none'"):
        usual_box([spotted()[1]], "none")


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "pictures" / "a.png")
    (tmp_path / "pictures.csv").write_text("picture,source\na.png,mine\nb.png,mine\n")
    header = "picture,kind,x,y,w,h,lex,ley,rex,rey,nx,ny,lmx,lmy,rmx,rmy\n"
    row = "a.png,hand,1,2,3,4" + ",5" * 10 + "\na.png,ignore,1,2,3,4" + "," * 10 + "\n"
    (tmp_path / "faces.csv").write_text(header + row)
    found = faces.read(tmp_path)
    assert found.names == ("a.png", "b.png") and len(found.labels[1].boxes) == 0
    assert found.labels[0].boxes[0].tolist() == [1, 2, 4, 6]
    assert found.labels[0].ignored.tolist() == [False, True]
    assert np.isnan(found.labels[0].points[1]).all() and found.picture(0).shape == (10, 20, 3)
    with pytest.raises(FileNotFoundError, match=r"b\.png: no such picture"):
        found.picture(1)
    (tmp_path / "faces.csv").write_text(header + row.replace("a.png", "c.png"))
    with pytest.raises(ValueError, match=r"line 2: 'c\.png' is not in pictures\.csv"):
        faces.read(tmp_path)
    (tmp_path / "faces.csv").write_text(header + row.replace("1,2,3,4", "1,x,3,4"))
    with pytest.raises(ValueError, match="expected numbers"):
        faces.read(tmp_path)


def test_what_is_kept_aside_hangs_on_names_alone() -> None:
    none = faces.Labels(np.zeros((0, 4), "f4"), np.zeros((0, 5, 2), "f4"), ())
    names = tuple(f"{number}.png" for number in range(200))
    whole = faces.Faces(Path("."), names, (none,) * 200, ("a",) * 200)
    learnt, kept = whole.parted()
    assert sorted(learnt.names + kept.names) == sorted(names) and 5 < len(kept) < 50
    assert whole.chosen(range(100)).parted()[1].names == tuple(
        n for n in kept.names if n in names[:100]
    )
