"""Quality of faces from Python: what is measured, how embed gives it, what is refused."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pocketvision import Embedder, InputError, Quality, _runtime, align, verify
from pocketvision.errors import ModelFileError
from pocketvision.faces.quality import ENROL_LEVEL, QUERY_LEVEL, quality_of
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.runtime.shipped import LOW_RESOLUTION_MODEL, shipped

Array = np.ndarray[Any, Any]
TEMPLATE = np.array(ARCFACE_TEMPLATE)


@pytest.fixture(scope="module")
def portrait() -> tuple[Array, Array]:
    """A picture with a face, and its landmarks (5, 2)."""
    pytest.importorskip("skimage.data")
    from pocketvision.demo.faces import astronaut

    face = astronaut()
    return face.picture, np.asarray(face.landmarks, float)


def blurred(crop: Array, width: int) -> Array:
    """The mean over a square of ``width`` pixels."""
    steps = range(-(width // 2), width - width // 2)
    moved = [np.roll(crop, (y, x), (0, 1)) for y in steps for x in steps]
    return np.mean(moved, axis=0).astype(np.uint8)


def shrunk(picture: Array, points: Array, pixels: int) -> tuple[Array, Array]:
    """Picture and landmarks, of a size at which the face's crop has ``pixels`` a side."""
    scale = ARCFACE_TEMPLATE[1][0] - ARCFACE_TEMPLATE[0][0]
    share = pixels / 112 * scale / float(np.linalg.norm(points[1] - points[0]))
    size = [max(1, round(side * share)) for side in picture.shape[1::-1]]
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    where = points * np.array(size) / np.array(picture.shape[1::-1])
    return small, where


def one(picture: Array, points: Array) -> Quality:
    found: Quality = quality_of(align(picture, points), points, picture.shape[:2])[0]
    return found


def test_a_good_portrait(portrait: tuple[Array, Array]) -> None:
    picture, points = portrait
    found = one(picture, points)
    assert found.reliable and found.enrolable and found.reasons == found.why_not_enrolled == ()
    assert found.score >= ENROL_LEVEL > QUERY_LEVEL and found.face is not None and found.face > 80
    assert found.eye_distance is not None and found.residual is not None
    assert abs(found.eye_distance / np.linalg.norm(points[1] - points[0]) - 1) < 0.1
    assert found.residual < 0.15 and found.outside == 0 and abs(found.roll or 90) < 20
    assert str(found) == f"quality {found.score} of 100"
    assert 0.3 < (found.sharpness or 0) < 1 and found.margin == 0


def test_what_is_wrong_is_said(portrait: tuple[Array, Array]) -> None:
    picture, points = portrait
    random = np.random.default_rng(0)
    crop = align(picture, points)[0]
    wrong = {
        "too dark": (crop * 0.02).astype(np.uint8),
        "does not look like an upright face": np.rot90(crop),
        "blurred": blurred(crop, 11),
        "does not look": random.integers(0, 256, crop.shape, np.uint8),
    }
    for text, spoilt in wrong.items():
        found = quality_of(np.ascontiguousarray(spoilt))[0]
        assert not found.reliable and any(text in reason for reason in found.reasons), (text, found)
        assert found.why_not_enrolled == found.reasons and found.score < QUERY_LEVEL
        assert found.eye_distance is None and found.outside is None
    assert "mean" in quality_of(wrong["too dark"])[0].reasons[0]


def test_landmarks_that_fit_no_face(portrait: tuple[Array, Array]) -> None:
    picture, points = portrait
    for wrong in (points[[0, 1, 2, 4, 3]], np.where(np.arange(5)[:, None] == 2, -1, points)):
        assert "landmarks do not fit a face" in one(picture, wrong).reasons
    half = picture[:, : int(points[:, 0].mean())]
    inside = points.copy()
    inside[:, 0] = np.minimum(inside[:, 0], half.shape[1] + 40)
    beside = quality_of(align(picture, points), points, half.shape[:2])[0]
    assert any("of the face is outside the picture" in reason for reason in beside.reasons)
    assert beside.outside is not None and beside.outside > 0.4


def test_a_small_face_is_named_with_its_size(portrait: tuple[Array, Array]) -> None:
    picture, points = portrait
    eyes = np.linalg.norm(points[1] - points[0])
    found = quality_of(align(picture, points), points * 4 / eyes, picture.shape[:2])[0]
    assert "too small: eyes 4 pixels apart; face-lowres-125m is for faces of few pixels" in (
        found.reasons
    )


@pytest.mark.parametrize("pixels", [30, 20, 13, 10])
def test_few_pixels_are_no_reason_for_a_model_of_few_pixels(
    portrait: tuple[Array, Array], pixels: int
) -> None:
    """A face of ``pixels`` a side, enlarged as alignment enlarges it."""
    picture, points = portrait
    small, where = shrunk(picture, points, pixels)
    (usual,), (own,) = (
        quality_of(align(small, where), where, small.shape[:2], smallest=smallest)
        for smallest in (None, 11)
    )
    assert not usual.reliable and "face-lowres-125m" in " ".join(usual.reasons)
    assert own.score == usual.score and own.eye_distance == usual.eye_distance
    if pixels < 11:
        assert own.reasons[-1].startswith("too small: eyes 3 pixels apart, and the model is for")
        assert own.margin == usual.margin > 0
    else:
        assert own.reliable and own.margin == 0 and not own.enrolable
    crop = align(small, where)
    assert quality_of(crop, smallest=11)[0] == quality_of(crop)[0], "of a crop nobody knows"


def test_embed_gives_what_quality_of_gives(portrait: tuple[Array, Array]) -> None:
    picture, points = portrait
    random = np.random.default_rng(1)
    several = points + random.normal(0, 3, (7, 1, 2))
    for threads in (1, 3):
        with Embedder("facechain-25m", threads=threads) as embedder:
            bare = embedder.embed(picture, several)
            rows, found = embedder.embed(picture, several, return_quality=True, batch_size=3)
            assert bare.quality is None and np.array_equal(bare, rows)
            wanted = quality_of(align(picture, several), several, picture.shape[:2])
            assert found.dtype == object and found.tolist() == wanted.tolist()
            assert rows.quality.tolist() == wanted.tolist() and rows[2].quality == wanted[2]
            # The same faces of a list of pictures, which are cut out elsewhere.
            lists = embedder.embed([picture] * 7, list(several), return_quality=True, batch_size=2)
            assert lists[1].tolist() == wanted.tolist() and np.array_equal(lists[0], rows)
            crops, alone = align(picture, several), quality_of(align(picture, several))
            same, seen = embedder.embed(crops, return_quality=True, batch_size=4)
            assert seen.tolist() == alone.tolist() and np.array_equal(same, rows)
            assert seen[0].residual is None and seen[0].score == wanted[0].score


def test_strangers_that_are_spoilt_alike_are_not_relied_on(portrait: tuple[Array, Array]) -> None:
    """JPEG of quality 1 and swirls: the crop's network lets some pass, their embeddings do not."""
    from skimage.data import lfw_subset
    from skimage.transform import resize, swirl

    faces = [np.rint(resize(face, (112, 112)) * 255).astype(np.uint8) for face in lfw_subset()[:40]]
    ways = {
        "jpeg": lambda face: np.asarray(Image.open(io.BytesIO(_jpeg(face, 1))).convert("RGB")),
        "swirl": lambda face: np.stack(
            [np.rint(swirl(face, strength=8, radius=70) * 255).astype(np.uint8)] * 3, axis=-1
        ),
    }
    with Embedder("facechain-25m") as embedder:
        threshold = embedder.record.threshold_at(1e-2)["threshold"]
        for name, way in ways.items():
            rows, found = embedder.embed(np.stack([way(face) for face in faces]),
                                         return_quality=True)  # fmt: skip
            bare = quality_of(np.stack([way(face) for face in faces]))
            cosines = np.asarray(rows) @ np.asarray(rows).T
            both = [(a, b) for a in range(40) for b in range(a) if cosines[a, b] >= threshold]
            assert len(both) > 200, name  # of 780 pairs: they are alike
            relied = [pair for pair in both if verify(*(rows[i] for i in pair)).reliable]
            assert len(relied) < 0.02 * 780, name
            assert all(a.margin >= b.margin for a, b in zip(found, bare, strict=True))
            assert np.mean([a.margin > b.margin for a, b in zip(found, bare, strict=True)]) > 0.5


def _jpeg(face: Array, quality: int) -> bytes:
    held = io.BytesIO()
    Image.fromarray(face).save(held, "JPEG", quality=quality)
    return held.getvalue()


def test_directions_that_cannot_be_read(make_model: Any, record_values: Any, crops: Array) -> None:
    record = copy.deepcopy(record_values)
    record["unrecognisable"] = {"count": 1, "level": 0.1, "data": "", "directions": "?" * 172}
    embedder = Embedder(make_model(RECORD=record))
    assert embedder.embed(crops).shape == (8, 128)
    with pytest.raises(ModelFileError, match=r"'unrecognisable.directions': .* Compile the model"):
        embedder.embed(crops, return_quality=True)


def test_models_that_cannot_be_measured(make_model: Any, record_values: Any, crops: Array) -> None:
    record = copy.deepcopy(record_values)
    record["preprocess"]["template"] = (TEMPLATE + [[8, 0]]).tolist()
    embedder = Embedder(make_model(RECORD=record))
    assert embedder.embed(crops).shape == (8, 128)
    with pytest.raises(InputError, match="return_quality: .* 8 of 112 pixels from ArcFace's"):
        embedder.embed(crops, return_quality=True)


@pytest.mark.parametrize("side", [79, 449])
def test_sides_that_are_not_measured(side: int) -> None:
    with pytest.raises(InputError, match="square crops of 80 to 448 pixels a side"):
        quality_of(np.zeros((side, side, 3), np.uint8))


def test_refusals() -> None:
    crops = np.zeros((2, 112, 112, 3), np.uint8)
    with pytest.raises(InputError, match="square crops"):
        quality_of(crops[:, :100])
    with pytest.raises(InputError, match="picture_size: expected"):
        quality_of(crops, np.stack([TEMPLATE, TEMPLATE]))
    with pytest.raises(InputError, match="landmarks: expected 2 faces"):
        quality_of(crops, TEMPLATE, (112, 112))
    with pytest.raises(InputError, match="crops: expected at least one"):
        quality_of(crops[:0])
    with pytest.raises(InputError, match=r"crops\[0\]: expected uint8"):
        quality_of(crops.astype(float))


def test_the_runtime_fills_only_what_fits(model_file: Path, crops: Array) -> None:
    embedder = Embedder(model_file)
    with embedder._workers.borrow() as workers:
        for wrong in (np.zeros(7, _runtime.QUALITY), np.zeros(8, np.uint8), [1]):
            with pytest.raises(InputError, match="qualities"):
                workers.embed(crops, embedder._tables, 0, wrong)
        fixed = np.zeros(8, _runtime.QUALITY)
        fixed.flags.writeable = False
        with pytest.raises(InputError, match="cannot be written"):
            workers.embed(crops, embedder._tables, 0, fixed)
        with pytest.raises(InputError, match="sides"):
            place = np.stack([TEMPLATE] * 8), np.zeros((7, 2), np.uint32), TEMPLATE
            workers.embed(crops, embedder._tables, 0, np.zeros(8, _runtime.QUALITY), place)


@pytest.mark.skipif(LOW_RESOLUTION_MODEL not in shipped(), reason="built without it")
@pytest.mark.parametrize("pixels", [20, 9])
def test_the_model_of_far_faces_is_asked_its_own_question(
    portrait: tuple[Array, Array], pixels: int
) -> None:
    picture, points = portrait
    small, where = shrunk(picture, points, pixels)
    embedder = Embedder(LOW_RESOLUTION_MODEL)
    far, _ = embedder.embed(small, where, return_quality=True)
    listed, _ = embedder.embed([small], [where], return_quality=True)
    near, _ = embedder.embed(picture, points, return_quality=True)
    assert far.quality.tolist() == listed.quality.tolist()
    verdict = verify(near[0], far[0])
    assert verdict.reliable is (pixels == 20)
    if pixels == 20:
        assert verdict.same, "one face, near and far"
    else:
        assert any("second face: too small" in reason for reason in verdict.reasons)
