"""A detector's faces on the cores: the bytes of the host, and what decoding takes."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS
from pocketvision.compile.emit import sources
from pocketvision.compile.machines import board
from pocketvision.compile.machines.instructions import MARKS, count

from ..compile.runners import require_board
from ..csrc.host import DETECT, library
from ..csrc.test_detect import HEIGHT, STRIDES, WIDTH, Area, Candidate, Detection, outputs, recipe
from .test_steps import fnv, numbers

CAPACITY, MOST, BUSY = 64, 24, 0.35
LIMIT = 25_000
"""Most executed instructions of decoding 126 cells of which a third are likely, on any core,
with a quarter of room for another version of gcc."""

MAIN = """
#include <pocketvision/detect.h>
#include <stamp.h>
#include "given.h"
static pv_detection faces[MOST];
static pv_candidate candidates[CAPACITY];
static uint32_t hash(const void *bytes, size_t count) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < count; i++) value = (value ^ ((const uint8_t *)bytes)[i]) * 16777619u;
  return value;
}
int main(void) {
  const pv_detect_recipe *recipe = (const pv_detect_recipe *)recipe_bytes;
  const void *const maps[] = {map0, map1, map2};
  const pv_area area = {3, 5, 320, 200};
  pv_placement placement;
  uint32_t found = 0;
  PV_STAMP(0, 0);
  pv_status status = pv_detect_decode(recipe, maps, candidates, CAPACITY, faces, MOST, &found);
  PV_STAMP(0, 1);
  if (status != PV_OK || found != wanted) return 1;
  if (pv_detect_place(recipe, &area, 1, &placement) != PV_OK) return 2;
  if (pv_detect_to_frame(&placement, faces, found) != PV_OK) return 3;
  return hash(faces, found * sizeof *faces) == wanted_hash ? 0 : 4;
}
"""


@pytest.fixture(scope="module")
def given() -> str:
    """A header with random outputs, and what the host's compiler made of them."""
    made, _ = recipe()
    maps = outputs(np.random.default_rng(12), True, BUSY)
    pointers = (ctypes.c_void_p * 3)(*(part.ctypes.data for part in maps))
    faces, found, place = (Detection * MOST)(), ctypes.c_uint32(), (ctypes.c_int64 * 4)()
    host = library()
    assert not host.pv_detect_decode(
        ctypes.byref(made), pointers, (Candidate * CAPACITY)(), CAPACITY, faces, MOST,
        ctypes.byref(found),
    )  # fmt: skip
    assert found.value > 5
    assert not host.pv_detect_place(
        ctypes.byref(made), ctypes.byref(Area(3, 5, 320, 200)), 1, place
    )
    assert not host.pv_detect_to_frame(place, faces, found)
    size = found.value * ctypes.sizeof(Detection)
    seen = np.frombuffer(bytes(faces)[:size], np.uint8)
    lines = [
        f"enum {{ MOST = {MOST}, CAPACITY = {CAPACITY} }};",
        f"static const uint32_t wanted = {found.value}, wanted_hash = {fnv(seen)}u;",
        "static const _Alignas(8) uint8_t recipe_bytes[] = "
        f"{numbers(np.frombuffer(bytes(made), np.uint8))};",
        *(f"static const int8_t map{i}[] = {numbers(part)};" for i, part in enumerate(maps)),
    ]
    assert [part.shape for part in maps] == [(HEIGHT // s, WIDTH // s, 16) for s in STRIDES]
    return "\n".join(lines) + "\n"


def test_bytes_and_instructions(
    core: str, given: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    require_board()
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "given.h").write_text(given)
    runtime = sources.firmware_directory().parent / "runtime"
    parts = ("core/session", "core/status", "face/frame", *DETECT)
    files = [tmp_path / "main.c", *(runtime / f"{part}.c" for part in parts)]
    image = board.build(TARGETS[core], tmp_path, files, ["-DPV_MARK", f"-I{tmp_path}"], parts=[])
    (region, *_) = count(board.emulator(TARGETS[core]), ["-kernel", str(image)], MARKS["thumb"])
    with capsys.disabled():
        print(f"\n{core}: decode {region.executed:,}")
    assert region.executed <= LIMIT
