"""The C files of firmware as a library of this machine, and the structs that they take."""

from __future__ import annotations

import ctypes
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "csrc" / "runtime"
DETECT = ("detect/decode", "detect/detect", "detect/area")
FACE = sorted((RUNTIME / "face").rglob("*.c"))
PARTS = (
    *("core/session", "core/status"),
    *(path.relative_to(RUNTIME).with_suffix("").as_posix() for path in FACE),
)
"""All of csrc/runtime that the example identify.c links."""

FORMATS = {
    "grey8": 1, "rgb888": 2, "rgb565le": 3, "rgb565be": 4, "bgr888": 5, "yuyv": 6, "uyvy": 7,
}  # fmt: skip
PIXEL_BYTES = dict(zip(FORMATS, (1, 3, 2, 2, 3, 2, 2), strict=True))
YUV = {"yuyv": (0, 1, 3), "uyvy": (1, 0, 2)}
"""Where luma, U and V lie in the four bytes of two pixels; the second luma two bytes on."""
SHA256 = "0f" * 32

Array = np.ndarray[Any, Any]

_folder = TemporaryDirectory(prefix="pocketvision-")


def status_codes() -> dict[str, int]:
    """Names and values of enum pv_status, as the header has them."""
    text = (ROOT / "csrc" / "include" / "pocketvision" / "status.h").read_text()
    lines = text[text.index("PV_OK = 0") : text.index("} pv_status;")].splitlines()
    names = [line.split(",")[0].split("=")[0].split("/*")[0].strip() for line in lines]
    return {name: value for value, name in enumerate(name for name in names if name)}


STATUS = status_codes()


class Tensor(ctypes.Structure):
    """pv_tensor"""

    _fields_ = [
        *(("name", ctypes.c_char_p), ("dtype", ctypes.c_uint32), ("rank", ctypes.c_uint32)),
        *(("shape", ctypes.c_uint32 * 6), ("scale", ctypes.c_float)),
        ("zero_point", ctypes.c_int32),
    ]


class Model(ctypes.Structure):
    """pv_model"""

    _fields_ = [
        *(("magic", ctypes.c_uint64), ("abi_version", ctypes.c_uint32)),
        *(("struct_bytes", ctypes.c_uint32), ("arch", ctypes.c_uint32)),
        *(("features", ctypes.c_uint32), ("arena_bytes", ctypes.c_uint64)),
        *(("arena_alignment", ctypes.c_uint32), ("banks", ctypes.c_uint32)),
        *(("input_count", ctypes.c_uint32), ("output_count", ctypes.c_uint32)),
        *(("inputs", ctypes.POINTER(Tensor)), ("outputs", ctypes.POINTER(Tensor))),
        ("target", ctypes.c_char_p),
        *(("source_sha256", ctypes.c_char_p), ("record", ctypes.c_char_p)),
        ("run", ctypes.c_void_p),
    ]


class Frame(ctypes.Structure):
    """pv_frame"""

    _fields_ = [
        *(("pixels", ctypes.c_void_p), ("bytes", ctypes.c_size_t), ("format", ctypes.c_int)),
        *((name, ctypes.c_uint32) for name in ("width", "height", "stride")),
    ]


class Placement(ctypes.Structure):
    """pv_placement"""

    _fields_ = [(name, ctypes.c_int64) for name in ("x", "y", "right_x", "right_y")]


class Tables(ctypes.Structure):
    """pv_pixel_tables"""

    _fields_ = [("source", ctypes.c_uint8 * 3), ("value", (ctypes.c_uint8 * 256) * 3)]


class Quality(ctypes.Structure):
    """pv_quality"""

    _fields_ = [
        *((name, ctypes.c_uint8) for name in ("score", "face", "brightness", "contrast", "dark")),
        *((name, ctypes.c_uint8) for name in ("bright", "placed", "outside")),
        *((name, ctypes.c_int16) for name in ("residual", "yaw", "roll")),
        ("sharpness", (ctypes.c_uint16 * 2) * 3),
        ("margin", ctypes.c_uint16),
        *((name, ctypes.c_uint32) for name in ("eye_distance", "reasons")),
    ]


class Unrecognisable(ctypes.Structure):
    """pv_unrecognisable"""

    _fields_ = [
        *(("directions", ctypes.c_void_p), ("count", ctypes.c_uint32)), ("level", ctypes.c_int32),
    ]  # fmt: skip


class Place(ctypes.Structure):
    """pv_quality_place"""

    _fields_ = [
        *((name, ctypes.c_int32 * 10) for name in ("landmarks", "reference")),
        *((name, ctypes.c_uint32) for name in ("width", "height", "smallest")),
    ]


class Gallery(ctypes.Structure):
    """pv_gallery"""

    _fields_ = [
        *(("entries", ctypes.c_void_p), ("count", ctypes.c_uint32)),
        ("dimension", ctypes.c_uint32),
    ]


class Match(ctypes.Structure):
    """pv_match"""

    _fields_ = [("index", ctypes.c_uint32), ("score", ctypes.c_int32)]


@cache
def library() -> ctypes.CDLL:
    """The files compiled by this machine's compiler as its users would: fast, and contracting."""
    out = Path(_folder.name) / "firmware.so"
    subprocess.run(
        ["cc", "-std=gnu11", "-O3", "-ffp-contract=fast", "-Wall", "-Wextra", "-Werror", "-shared",
         "-fPIC", f"-I{ROOT / 'csrc' / 'include'}",
         *(str(ROOT / "csrc" / "runtime" / f"{part}.c") for part in (*PARTS, *DETECT)),
         "-o", str(out)],
        check=True,
    )  # fmt: skip
    found = ctypes.CDLL(str(out))
    found.pv_gallery_name.restype = ctypes.c_char_p
    found.pv_gallery_template.restype = ctypes.c_void_p
    return found


def model(dimension: int = 128, sha256: str = SHA256, **output: Any) -> Model:
    """A description with this output; it cannot run."""
    values: dict[str, Any] = {"dtype": 1, "scale": 0.5, "zero_point": 0, **output}
    source = Tensor(b"in", 1, 3, (112, 112, 3), 0.5, 0)
    result = Tensor(b"out", rank=1, shape=(dimension,), **values)
    return Model(
        input_count=1,
        output_count=1,
        inputs=ctypes.pointer(source),
        outputs=ctypes.pointer(result),
        source_sha256=sha256.encode(),
    )


def identity() -> Tables:
    """Tables that store a pixel as it is."""
    tables = Tables(source=(0, 1, 2))
    for channel in range(3):
        tables.value[channel][:] = range(256)
    return tables


def packed(picture: Array, form: str) -> Array:
    """A picture uint8 (H, W, 3) in a camera's format: uint8 (H, row bytes)."""
    red, green, blue = (picture[..., channel].astype(np.uint16) for channel in range(3))
    if form == "grey8":
        return picture[..., 1].copy()
    if form in ("rgb888", "bgr888"):
        order = slice(None, None, 1 if form == "rgb888" else -1)
        return picture[..., order].reshape(len(picture), -1)
    if form in YUV:
        return _yuv(picture, YUV[form])
    value = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
    return value.astype("<u2" if form == "rgb565le" else ">u2").view(np.uint8)


def unpacked(picture: Array, form: str) -> Array:
    """What is left of ``picture`` in a camera's format: uint8 (H, W, 3)."""
    if form in ("rgb888", "bgr888"):
        return picture
    if form in YUV:
        return _colours(_yuv(picture, YUV[form]), YUV[form])
    if form == "grey8":
        return np.repeat(picture[..., 1:2], 3, axis=2)
    five, six = (picture >> shift for shift in (3, 2))
    wide5, wide6 = five << 3 | five >> 2, six << 2 | six >> 4
    return np.stack([wide5[..., 0], wide6[..., 1], wide5[..., 2]], axis=-1)


def _yuv(picture: Array, places: tuple[int, int, int]) -> Array:
    """BT.601 from 16 to 235; the mean colour of two pixels: uint8 (H, 2 W)."""
    weights = [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]
    luma, u, v = np.moveaxis(picture / 255 @ np.array(weights).T + [16, 128, 128], 2, 0)
    rows = np.zeros((len(picture), 2 * picture.shape[1]), np.uint8)
    rows[:, places[0] :: 2] = np.rint(luma)
    for place, value in zip(places[1:], (u, v), strict=True):
        rows[:, place::4] = np.rint((value[:, 0::2] + value[:, 1::2]) / 2)
    return rows


def _colours(rows: Array, places: tuple[int, int, int]) -> Array:
    """Back, by the definition's integers: uint8 (H, W, 3)."""
    luma = 298 * (rows[:, places[0] :: 2].astype(int) - 16)
    u, v = (np.repeat(rows[:, place::4].astype(int) - 128, 2, axis=1) for place in places[1:])
    sums = np.stack([luma + 409 * v, luma - 100 * u - 208 * v, luma + 516 * u], axis=2)
    return np.clip(sums + 128 >> 8, 0, 255).astype(np.uint8)


def frame(rows: Array, form: str, pad: int = 0) -> tuple[Frame, Array]:
    """A frame of rows as of ``packed``, each ``pad`` bytes longer, and the memory it lies in."""
    height, row = rows.shape
    memory = np.full((height, row + pad), 0xEE, np.uint8)
    memory[:, :row] = rows
    flat = memory.ravel()[: (height - 1) * (row + pad) + row].copy()
    width = row // PIXEL_BYTES[form]
    return Frame(flat.ctypes.data, flat.size, FORMATS[form], width, height, row + pad), flat


def fit(landmarks: Array, reference: Array) -> tuple[int, Placement]:
    """pv_placement_fit on int32 (5, 2)."""
    placement = Placement()
    points = [np.ascontiguousarray(array, np.int32) for array in (landmarks, reference)]
    status = library().pv_placement_fit(
        *(ctypes.c_void_p(array.ctypes.data) for array in points), ctypes.byref(placement)
    )
    return status, placement


def sample(
    source: Frame, placement: Placement, size: tuple[int, int], tables: Tables | None = None
) -> tuple[int, Array]:
    """pv_frame_to_input: its status and uint8 (height, width, 3)."""
    out = np.zeros((*size, 3), np.uint8)
    status = library().pv_frame_to_input(
        *map(ctypes.byref, (source, placement, tables or identity())), *size,
        ctypes.c_void_p(out.ctypes.data),
    )  # fmt: skip
    return status, out
