"""Pictures: every origin and mode gives the same uint8 RGB, and what cannot be read says why."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import InputError, read_picture

pytest.importorskip("PIL")
from PIL import Image  # noqa: E402

from pocketvision.pictures import read_scaled  # noqa: E402


@pytest.fixture(scope="module")
def colours() -> Any:
    """Smooth, so that JPEG keeps it; 40 x 60."""
    y, x = np.mgrid[:40, :60]
    return np.stack([4 * x, 6 * y, 255 - 2 * (x + y)], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_every_origin(colours: Any, tmp_path: Path) -> None:
    image = Image.fromarray(colours)
    data, path = encoded(image, "PNG"), tmp_path / "a.png"
    path.write_bytes(data)
    np.save(tmp_path / "a.npy", colours)
    with path.open("rb") as file:
        for source in (
            path, str(path), tmp_path / "a.npy", data, bytearray(data), memoryview(data),
            io.BytesIO(data), file, image, Image.open(path), colours,
        ):  # fmt: skip
            found = read_picture(source)
            assert found.dtype == np.uint8 and found.flags.c_contiguous and found.flags.writeable
            np.testing.assert_array_equal(found, colours)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_by_exif(colours: Any, orientation: int) -> None:
    stored = {
        1: colours, 2: colours[:, ::-1], 3: colours[::-1, ::-1], 4: colours[::-1],
        5: colours.transpose(1, 0, 2), 6: np.rot90(colours), 8: np.rot90(colours, 3),
        7: np.rot90(colours.transpose(1, 0, 2), 2),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif)
    np.testing.assert_array_equal(read_picture(data), colours)


def test_deep_values_are_scaled(colours: Any) -> None:
    grey = colours[:, :, 0]
    wide = np.repeat(grey[:, :, None], 3, axis=2)
    deep = grey.astype(np.uint16) * 257
    for source in (
        deep, deep[:, :, None], deep.astype(np.int32), deep.astype(np.int64),
        grey.astype(np.float32) / 255, grey.astype(np.float64), wide, grey,
        Image.fromarray(deep), Image.fromarray(deep.astype(np.int32)),
        Image.fromarray(grey.astype(np.float32) / 255), Image.fromarray(grey),
        encoded(Image.fromarray(deep), "PNG"), encoded(Image.fromarray(deep), "TIFF"),
    ):  # fmt: skip
        np.testing.assert_array_equal(read_picture(source), wide)
    most = np.array([[0, 2**31 - 1]], np.int32)
    np.testing.assert_array_equal(read_picture(most)[0, :, 0], [0, 255])
    np.testing.assert_array_equal(read_picture(np.array([[True, False]]))[0, :, 0], [255, 0])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV"])
def test_modes(colours: Any, mode: str) -> None:
    image = Image.fromarray(colours)
    found = read_picture(image.convert(mode))
    assert found.shape == (40, 60, 3)
    np.testing.assert_array_equal(found, np.asarray(image.convert(mode).convert("RGB")))


def test_what_is_transparent_is_black(colours: Any) -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, :20], alpha[:, 20:40] = 255, 128
    layered = np.dstack([colours, alpha])
    for source in (layered, Image.fromarray(layered), encoded(Image.fromarray(layered), "PNG")):
        found = read_picture(source)
        np.testing.assert_array_equal(found[:, :20], colours[:, :20])
        assert not found[:, 40:].any()
        assert np.abs(found[:, 20:40] - colours[:, 20:40] * (128 / 255)).max() <= 1
    indexed = Image.fromarray(colours).quantize(4)
    indexed.info["transparency"] = indexed.getpixel((0, 0))
    assert not read_picture(indexed)[0, 0].any()


def test_smaller_on_request(colours: Any, tmp_path: Path) -> None:
    large = np.repeat(np.repeat(colours, 20, axis=0), 20, axis=1)
    data = encoded(Image.fromarray(large), "JPEG", quality=95)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    for source in (data, path, Image.fromarray(large), large, Image.open(path)):
        found = read_picture(source, max_side=120)
        assert found.shape == (80, 120, 3)
        small = read_picture(Image.fromarray(colours).resize((120, 80)))
        assert np.abs(found.astype(int) - small).mean() < 4
    assert read_picture(colours, max_side=5000).shape == colours.shape
    kept = Image.fromarray(large)
    read_picture(kept, max_side=10)
    assert kept.size == (1200, 800)  # the caller's own stays as it is


def test_a_huge_jpeg_is_decoded_small() -> None:
    huge = encoded(Image.new("RGB", (20000, 10000), (200, 30, 40)), "JPEG")
    with pytest.raises(InputError, match="too large to decode; give max_side="):
        read_picture(huge)
    assert read_picture(huge, max_side=1000).shape == (500, 1000, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_every_cut_is_an_error(colours: Any, kind: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(InputError, match="cut off|not a picture that can be read"):
            read_picture(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="the file is empty"):
        read_picture(b"")
    if kind in ("JPEG", "PNG"):
        with pytest.raises(InputError, match="the picture is cut off"):
            read_picture(data[: int(len(data) * 0.9)])


def test_no_file_starts_a_program(tmp_path: Path) -> None:
    """Pillow gives PostScript to Ghostscript, whatever the file is called."""
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path, "EPS")
    assert path.read_bytes().startswith(b"%!PS")
    with pytest.raises(InputError, match="not a picture that can be read"):
        read_picture(path)


def test_formats_that_need_more(tmp_path: Path) -> None:
    for brand, told in (("heic", "pillow-heif"), ("mif1", "pillow-heif")):
        path = tmp_path / f"{brand}.jpg"  # as phones rename them
        path.write_bytes(b"\0\0\0\x18ftyp" + brand.encode() + bytes(100))
        with pytest.raises(InputError, match=f"{path}: a HEIC picture.*{told}"):
            read_picture(path)
    with pytest.raises(InputError, match="AVIF|cut off|not a picture"):
        read_picture(b"\0\0\0\x18ftypavif" + bytes(100))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), r"got shape \(4, 4, 5\)"),
        (np.zeros((4, 4, 2), np.uint8), "1, 3 or 4 channels, got 2"),
        (np.zeros((0, 4, 3), np.uint8), "got shape"),
        (np.zeros(4, np.uint8), "got shape"),
        (np.full((2, 2), -1), "from 0 to 65535 in int64, got -1 to -1"),
        (np.full((2, 2), -1.0), "from 0 to 1 in float64, got -1"),
        (np.full((2, 2), 300.0), "from 0 to 255 in float64, got 300"),
        (np.full((2, 2), np.nan), "got NaN"),
        (np.array([["a"]]), "expected numbers, got <U1"),
        (np.zeros((2, 2), complex), "expected numbers, got complex128"),
        (b"hello", "not a picture that can be read"),
        (io.StringIO("hello"), "opened with 'rb', got one of text"),
        (3, "expected a path, bytes, a binary file, a PIL image or an array, got int"),
        (None, "got NoneType"),
    ],
)
def test_refusals(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_picture(source)


@pytest.mark.parametrize("side", [0, -1, 1.5, "9"])
def test_refuses_sides(colours: Any, side: Any) -> None:
    with pytest.raises(InputError, match="max_side: expected a number of pixels"):
        read_picture(colours, max_side=side)


def test_paths_that_are_no_picture(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder; give the picture itself"):
        read_picture(tmp_path)
    with pytest.raises(FileNotFoundError, match="none.png: no such picture"):
        read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.npy"])
def test_scale_of_what_is_read_smaller(tmp_path: Path, name: str) -> None:
    """How many of the file's pixels one is, also where a JPEG is decoded in part, and turned."""
    pixels = np.random.default_rng(0).integers(0, 256, (300, 800, 3), dtype=np.uint8)
    if name.endswith(".npy"):
        np.save(tmp_path / name, pixels)
    else:
        image = Image.fromarray(pixels)
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn
        image.save(tmp_path / name, exif=exif)
    for limit, scale in ((100, 8.0), (400, 2.0), (800, 1.0), (4096, 1.0)):
        found, told = read_scaled(tmp_path / name, limit)
        assert max(found.shape[:2]) == min(limit, 800) and told == scale
