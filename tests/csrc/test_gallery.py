"""Galleries between Python and C: the same bytes from both, searches, and what is refused."""

from __future__ import annotations

import ctypes
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision import InputError, top_k
from pocketvision.faces.gallery.firmware import FirmwareGallery, templates

from . import host
from .host import SHA256, STATUS, Array, Match, library, model
from .test_template import score
from .test_template import template as make_template

NAMES = ["Ada Lovelace", "Grace Hopper", "Ada Lovelace", "Æthelflæd" + "x" * 20]
SIZE = 16


@pytest.fixture
def gallery() -> FirmwareGallery:
    """Four entries of three people."""
    rows = np.random.default_rng(3).integers(-127, 128, (4, SIZE)).astype(np.int8)
    return FirmwareGallery(NAMES, rows, SHA256)


def opened(data: bytes | Array, dimension: int = SIZE, sha256: str = SHA256) -> tuple:
    """pv_gallery_open on bytes of exactly this length: its status, gallery, and the memory."""
    memory = np.frombuffer(data, np.uint8).copy() if isinstance(data, bytes) else data
    found, description = host.Gallery(), model(dimension, sha256)
    status = library().pv_gallery_open(
        *map(ctypes.byref, (found, description)), ctypes.c_void_p(memory.ctypes.data), memory.size
    )
    return status, found, memory


def enrol(memory: Array, name: bytes, face: Array, dimension: int = SIZE) -> int:
    """pv_gallery_enrol."""
    description = model(dimension)
    return library().pv_gallery_enrol(
        ctypes.c_void_p(memory.ctypes.data), memory.size, ctypes.byref(description), name,
        ctypes.c_void_p(face.ctypes.data),
    )  # fmt: skip


def search(found: host.Gallery, probe: Array, k: int) -> tuple[int, list[tuple[int, int]]]:
    """pv_gallery_search: its status, and index and score of the matches."""
    matches, held = (Match * max(k, 1))(), ctypes.c_uint32(99)
    status = library().pv_gallery_search(
        ctypes.byref(found), ctypes.c_void_p(probe.ctypes.data), k, matches, ctypes.byref(held)
    )
    if status:
        return status, []
    return status, [(match.index, match.score) for match in matches[: held.value]]


def test_c_reads_what_python_writes(gallery: FirmwareGallery) -> None:
    status, found, memory = opened(gallery.to_bytes())
    assert status == STATUS["PV_OK"] and (found.count, found.dimension) == (4, SIZE)
    for index, name in enumerate(NAMES):
        assert library().pv_gallery_name(ctypes.byref(found), index).decode() == name
        row = ctypes.string_at(library().pv_gallery_template(ctypes.byref(found), index), SIZE)
        assert row == gallery.templates[index].tobytes()


def test_c_writes_what_python_reads(gallery: FirmwareGallery) -> None:
    memory = np.full(64 + 4 * (32 + SIZE), 0xEE, np.uint8)
    description = model(SIZE)
    pointer = ctypes.c_void_p(memory.ctypes.data)
    create = library().pv_gallery_create
    assert create(pointer, 63, ctypes.byref(description)) == STATUS["PV_ERR_FULL"]
    assert create(pointer, memory.size, ctypes.byref(description)) == STATUS["PV_OK"]
    assert FirmwareGallery.from_bytes(memory.tobytes()).names == []
    for index, (name, row) in enumerate(zip(NAMES, gallery.templates, strict=True)):
        assert opened(memory)[1].count == index
        assert enrol(memory, name.encode(), row) == STATUS["PV_OK"]
    assert memory.tobytes() == gallery.to_bytes()
    back = FirmwareGallery.from_bytes(memory.tobytes())
    assert back.names == NAMES and back.source_sha256 == SHA256
    np.testing.assert_array_equal(back.templates, gallery.templates)
    assert enrol(memory, b"one more", gallery.templates[0]) == STATUS["PV_ERR_FULL"]
    assert memory.tobytes() == gallery.to_bytes()


def remove(memory: Array, name: bytes) -> tuple[int, int]:
    """pv_gallery_remove: its status, and how many entries went."""
    description, removed = model(SIZE), ctypes.c_uint32(99)
    status = library().pv_gallery_remove(
        ctypes.c_void_p(memory.ctypes.data), memory.size, ctypes.byref(description), name,
        ctypes.byref(removed),
    )  # fmt: skip
    return status, removed.value


def replace(memory: Array, name: bytes, faces: Array) -> tuple[int, int]:
    """pv_gallery_replace by the rows of ``faces``: its status, and how many entries went."""
    description, removed = model(SIZE), ctypes.c_uint32(99)
    status = library().pv_gallery_replace(
        ctypes.c_void_p(memory.ctypes.data), memory.size, ctypes.byref(description), name,
        ctypes.c_void_p(faces.ctypes.data), len(faces), ctypes.byref(removed),
    )  # fmt: skip
    return status, removed.value


@settings(max_examples=100, deadline=None)
@given(
    names=st.lists(st.sampled_from(["a", "ab", "b", "c"]), max_size=8),
    name=st.sampled_from(["a", "b", "abc"]), count=st.integers(1, 3), room=st.integers(0, 3),
)  # fmt: skip
def test_what_goes_is_what_python_takes_out(names: list, name: str, count: int, room: int) -> None:
    random = np.random.default_rng(5)
    rows = random.integers(1, 128, (len(names), SIZE)).astype(np.int8)
    new = random.integers(-128, 0, (count, SIZE)).astype(np.int8)
    whole = FirmwareGallery(names, rows, SHA256)
    data = whole.to_bytes() + b"\xee" * (room * (32 + SIZE))
    present, memory = names.count(name), np.frombuffer(data, np.uint8).copy()
    assert remove(memory, name.encode()) == (0, present)
    if present:
        left = whole.without(name).to_bytes()
        # What became free is zero, what nobody had used is as it was.
        wanted = left.ljust(len(whole.to_bytes()), b"\0") + data[len(whole.to_bytes()) :]
        assert memory.tobytes() == wanted
    else:
        assert memory.tobytes() == data
    memory = np.frombuffer(data, np.uint8).copy()
    status, removed = replace(memory, name.encode(), new)
    if count > present + room:
        assert (status, memory.tobytes()) == (STATUS["PV_ERR_FULL"], data)
        return
    assert (status, removed) == (0, present)
    if present:
        wanted = whole.replaced(name, new).to_bytes()
        assert memory.tobytes()[: len(wanted)] == wanted
        assert not memory[len(wanted) : len(whole.to_bytes())].any()
    else:
        assert memory.tobytes() == data


def test_removals_that_are_refused_change_nothing(gallery: FirmwareGallery) -> None:
    memory = np.frombuffer(gallery.to_bytes(), np.uint8).copy()
    before, rows = memory.tobytes(), gallery.templates
    name = b"Ada Lovelace"
    assert remove(memory, b"x" * 32)[0] == remove(memory, b"")[0] == STATUS["PV_ERR_NAME"]
    assert replace(memory, b"a\nb", rows)[0] == STATUS["PV_ERR_NAME"]
    assert replace(memory, name, rows[:3])[0] == STATUS["PV_ERR_FULL"]
    assert replace(memory, name, rows[:2] * np.int8([[1], [0]]))[0] == STATUS["PV_ERR_ZERO_NORM"]
    assert replace(memory, name, rows[:0])[0] == STATUS["PV_ERR_ARGUMENT"]
    assert memory.tobytes() == before
    memory[70] ^= 1
    assert remove(memory, name)[0] == STATUS["PV_ERR_TRUNCATED"]
    for call in (
        lambda: gallery.without("Nobody"), lambda: gallery.replaced("Nobody", rows[0]),
        lambda: gallery.replaced("Ada Lovelace", rows[:0]),
        lambda: gallery.replaced("Ada Lovelace", rows[:, :3]),
        lambda: gallery.replaced("Ada Lovelace", rows.astype(float)),
    ):  # fmt: skip
        with pytest.raises(InputError, match="^(name: nobody|templates: expected)"):
            call()


def test_a_gallery_shows_no_names_or_templates(gallery: FirmwareGallery) -> None:
    assert repr(gallery) == str(gallery) == f"FirmwareGallery(4 entries, {SHA256[:8]})"


def test_a_refused_entry_changes_nothing(gallery: FirmwareGallery) -> None:
    memory = np.frombuffer(gallery.to_bytes() + bytes(200), np.uint8).copy()
    before = memory.tobytes()
    row = gallery.templates[0]
    assert enrol(memory, b"", row) == STATUS["PV_ERR_NAME"]
    assert enrol(memory, b"x" * 32, row) == STATUS["PV_ERR_NAME"]
    assert enrol(memory, b"zeros", row * 0) == STATUS["PV_ERR_ZERO_NORM"]
    assert enrol(memory, b"x", row, SIZE + 1) == STATUS["PV_ERR_MODEL"]
    assert memory.tobytes() == before
    assert enrol(memory, b"x" * 31, row) == STATUS["PV_OK"]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 12), k=st.integers(1, 15))
def test_a_search_sorts_by_score(seed, count, k) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(-2, 3, (count, 3)).astype(np.int8)  # often equal, and often zero
    rows[~rows.any(axis=1)] = 1
    probe = np.array([1, -2, 1], np.int8)
    status, found, memory = opened(FirmwareGallery(["n"] * count, rows, SHA256).to_bytes(), 3)
    scores = [score(probe, row)[1] for row in rows]
    wanted = sorted(range(count), key=lambda index: -scores[index])[:k]
    assert search(found, probe, k) == (0, [(index, scores[index]) for index in wanted])


def test_searches_that_are_refused(gallery: FirmwareGallery) -> None:
    found = opened(gallery.to_bytes())
    probe = gallery.templates[2]
    assert search(found[1], probe, 1) == (0, [(2, 32768)])
    assert search(found[1], probe, 0)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert search(found[1], probe * 0, 1)[0] == STATUS["PV_ERR_ZERO_NORM"]


def test_every_shorter_gallery_is_refused(gallery: FirmwareGallery) -> None:
    data = gallery.to_bytes()
    for length in range(len(data)):
        assert opened(data[:length])[0] == STATUS["PV_ERR_TRUNCATED"], length
        with pytest.raises(InputError, match="gallery: "):
            FirmwareGallery.from_bytes(data[:length])
    assert opened(data + b"flash behind it")[0] == STATUS["PV_OK"]


def test_every_changed_bit_is_noticed(gallery: FirmwareGallery) -> None:
    data = bytearray(gallery.to_bytes())
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            status = opened(bytes(data))[0]
            if place < 12:
                assert status == STATUS["PV_ERR_GALLERY"]
            elif place < 16 or 24 <= place < 56:
                assert status == STATUS["PV_ERR_MODEL"]
            else:
                assert status == STATUS["PV_ERR_TRUNCATED"]
            with pytest.raises(InputError):
                FirmwareGallery.from_bytes(bytes(data))
            data[place] ^= 1 << bit


def signed(data: bytes) -> bytes:
    """With the checksum of what is there."""
    check = zlib.crc32(data[:60] + data[64:])
    return data[:60] + struct.pack("<I", check) + data[64:]


@pytest.mark.parametrize(
    "place, value",
    [
        (16, struct.pack("<I", 5)), (16, b"\xff" * 4), (16, struct.pack("<I", 0x05555556)),
        (20, b"\1"), (56, b"\1"), (64, b"x" * 32), (64, b"\0"), (96, bytes(SIZE)),
    ],
    ids=str,
)  # fmt: skip
def test_a_right_checksum_does_not_help(gallery: FirmwareGallery, place: int, value: bytes) -> None:
    """Counts that do not fit or overflow, names without end, no name, a template of zeros."""
    data = gallery.to_bytes()
    bad = signed(data[:place] + value + data[place + len(value) :])
    assert opened(bad)[0] == STATUS["PV_ERR_TRUNCATED"]
    with pytest.raises(InputError):
        FirmwareGallery.from_bytes(bad)


CODES = [0x20, 0x7E, 0x7F, 0x80, 0x9F, 0xA0, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10FFFF]
ODD_NAMES = [
    *(b"a" + chr(code).encode() + b"z" for code in [*range(0x20), *CODES]),
    *(b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff"),
    *(b"\xfe", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc3(", b"a\xe2\x82b"),
    *(b"\xf0(\x8c\xbc", b"", b"x" * 31, b"x" * 32, b"x" * 30 + b"\xc3", b"\x1b[31mred"),
    *("Zoë 模型 😀".encode(), b"ab\0c"),
]


def said_by_python(field: bytes, row: Array) -> bool:
    """Whether Python writes a gallery of this name."""
    try:
        FirmwareGallery([field.decode()], row[None], SHA256)
    except (UnicodeDecodeError, InputError):
        return False
    return True


def agreed(field: bytes, row: Array) -> bool:
    """Whether C and Python read a gallery with these 32 bytes of a name; they must agree."""
    data = FirmwareGallery(["name"], row[None], SHA256).to_bytes()
    data = signed(data[:64] + field.ljust(32, b"\0")[:32] + data[96:])
    try:
        FirmwareGallery.from_bytes(data)
        read = True
    except InputError:
        read = False
    assert opened(data)[0] == STATUS["PV_OK" if read else "PV_ERR_TRUNCATED"], field
    return read


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_one_rule_for_names(name: bytes) -> None:
    row = np.ones(SIZE, np.int8)
    allowed = said_by_python(name, row)
    assert agreed(name, row) == allowed
    if b"\0" not in name:  # of C a name ends there
        memory = np.frombuffer(
            FirmwareGallery([], row[None][:0], SHA256).to_bytes() + bytes(48), np.uint8
        )
        status = enrol(memory.copy(), name, row)
        assert status == STATUS["PV_OK" if allowed else "PV_ERR_NAME"]


@settings(max_examples=300, deadline=None)
@given(name=st.binary(max_size=32), text=st.text(max_size=12), real=st.booleans())
def test_c_and_python_agree_on_every_name(name: bytes, text: str, real: bool) -> None:
    agreed(text.encode("utf-8", "surrogatepass")[:32] if real else name, np.ones(SIZE, np.int8))


def test_another_model_is_refused(gallery: FirmwareGallery) -> None:
    data = gallery.to_bytes()
    assert opened(data, SIZE, "0e" + SHA256[2:])[0] == STATUS["PV_ERR_MODEL"]
    for size in (SIZE - 1, SIZE + 1, 4097):
        assert opened(data, size)[0] == STATUS["PV_ERR_MODEL"]
    for text in ("", "0f", "0F" * 32, SHA256[:-1] + "g"):
        assert opened(data, SIZE, text)[0] == STATUS["PV_ERR_STRUCT"]
    wide = FirmwareGallery(["n"], np.ones((1, 4097), np.int8), SHA256).to_bytes()
    assert opened(wide, 4097)[0] == STATUS["PV_ERR_MODEL"]


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 200), zero=st.integers(-128, 127),
    spread=st.floats(0.5, 90), scale=st.floats(1e-3, 1e3),
)  # fmt: skip
def test_embeddings_of_the_host_give_the_templates_of_the_chip(seed, count, zero, spread, scale):
    random = np.random.default_rng(seed)
    stored = np.clip(np.rint(random.normal(zero, spread, count)), -128, 127).astype(np.int8)
    status, wanted = make_template(stored, zero_point=zero)
    if status:
        return
    real = np.float32(scale) * (stored.astype(np.float32) - np.float32(zero))
    unit = (real.astype(np.float64) / np.linalg.norm(real.astype(np.float64))).astype(np.float32)
    np.testing.assert_array_equal(templates(unit), wanted)
    np.testing.assert_array_equal(templates(np.stack([unit, -unit])), [wanted, -wanted])


def test_the_host_searches_a_gallery_too(gallery: FirmwareGallery) -> None:
    indices, scores = top_k(gallery.templates[1].astype(np.float32), gallery.templates, 2)
    assert indices[0] == 1 and scores[0] == pytest.approx(1)
    found = search(opened(gallery.to_bytes())[1], gallery.templates[1], 2)[1]
    assert [index for index, _ in found] == indices.tolist()
    np.testing.assert_allclose([value / 32768 for _, value in found], scores, atol=2e-5)


@pytest.mark.parametrize(
    "names, rows, sha256, message",
    [
        (["a"], np.ones((1, 4)), SHA256, "expected int8"),
        (["a"], np.ones(4, np.int8), SHA256, "expected int8"),
        (["a", "b"], np.ones((1, 4), np.int8), SHA256, "a row for each of 2 names"),
        ([""], np.ones((1, 4), np.int8), SHA256, r"names\[0\]: expected 1 to 31 bytes"),
        (["ä" * 16], np.ones((1, 4), np.int8), SHA256, "got 32"),
        (["a\0b"], np.ones((1, 4), np.int8), SHA256, "without control characters"),
        ("ab", np.ones((2, 4), np.int8), SHA256, "names: expected a list of texts"),
        ([3], np.ones((1, 4), np.int8), SHA256, "names: expected a list of texts"),
        (["a"], np.zeros((1, 4), np.int8), SHA256, "row 0 is all zeros"),
        (["a"], np.ones((1, 4), np.int8), "12", "64 digits"),
    ],
)
def test_what_python_refuses(names, rows, sha256, message) -> None:
    with pytest.raises(InputError, match=message):
        FirmwareGallery(names, rows, sha256)


def test_embeddings_that_python_refuses() -> None:
    with pytest.raises(InputError, match="row 1 is all zeros"):
        templates(np.array([[1.0, 2.0], [0.0, 0.0]]))
    with pytest.raises(InputError, match="NaN or infinity"):
        templates([np.nan, 1.0])
