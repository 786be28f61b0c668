"""The steps from frame to score on the cores: the bytes of the host, and what they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS
from pocketvision.compile.emit import sources
from pocketvision.compile.machines import board
from pocketvision.compile.machines.instructions import MARKS, count

from ..compile.runners import require_board
from ..csrc.host import FORMATS, PARTS, Place, fit, frame, packed, sample
from ..csrc.test_frame import REFERENCE, SIZE, TEMPLATE
from ..csrc.test_quality import measure
from ..csrc.test_template import score, template

HEIGHT, WIDTH, DIMENSION = 90, 100, 128

MAIN = """
#include <pocketvision/face.h>
#include <pocketvision/gallery.h>
#include <pocketvision/quality.h>
#include <stamp.h>
#include "given.h"
static uint8_t input[112 * 112 * 3];
static int8_t face[DIMENSION];
static pv_pixel_tables tables = {{0, 1, 2}, {{0}}};
static uint32_t hash(const void *bytes, size_t count) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < count; i++) value = (value ^ ((const uint8_t *)bytes)[i]) * 16777619u;
  return value;
}
int main(void) {
  for (int i = 0; i < 768; i++) tables.value[i / 256][i % 256] = (uint8_t)i;
  pv_placement placement;
  int32_t found;
  PV_STAMP(0, 0);
  pv_status status = pv_placement_fit(landmarks, reference, &placement);
  PV_STAMP(0, 1);
  if (status != PV_OK || placement.x != placed[0] || placement.y != placed[1] ||
      placement.right_x != placed[2] || placement.right_y != placed[3]) return 1;
  for (int i = 0; i < FRAMES; i++) {
    PV_STAMP(0, 2);
    status = pv_frame_to_input(&frames[i], &placement, &tables, 112, 112, input);
    PV_STAMP(0, 3);
    if (status != PV_OK || hash(input, sizeof input) != hashes[i]) return 20 + i;
  }
  const pv_tensor output = {"", PV_DTYPE_INT8, 1, {DIMENSION}, 0.5f, 3};
  PV_STAMP(0, 4);
  status = pv_template_make(&output, stored, face);
  PV_STAMP(0, 5);
  if (status != PV_OK || hash(face, sizeof face) != hashes[FRAMES]) return 7;
  PV_STAMP(0, 6);
  status = pv_template_score(face, stored, DIMENSION, &found);
  PV_STAMP(0, 7);
  if (status != PV_OK || found != wanted) return 8;
  static pv_quality quality;
  PV_STAMP(0, 8);
  status = pv_quality_measure(input, 112, &place, &quality);
  PV_STAMP(0, 9);
  return status == PV_OK && hash(&quality, sizeof quality) == hashes[FRAMES + 1] ? 0 : 9;
}
"""

LIMITS = {"fit": 3_000, "grey8": 1.0e6, "rgb888": 1.6e6, "rgb565le": 2.2e6, "rgb565be": 2.2e6,
          "bgr888": 1.6e6, "yuyv": 4.2e6, "uyvy": 4.2e6, "template": 6_000,
          "score": 2_600, "quality": 1.0e6}  # fmt: skip
"""Most executed instructions of a step on any core, for 112x112 pixels and 128 values, with a
quarter of room for another version of gcc."""


def fnv(data: np.ndarray) -> int:
    """The hash of the C text."""
    value = 2166136261
    for byte in data.view(np.uint8).ravel().tolist():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def numbers(values: object) -> str:
    return "{" + ", ".join(map(str, np.asarray(values).ravel().tolist())) + "}"


@pytest.fixture(scope="module")
def given() -> str:
    """A header with inputs, and what the host's compiler made of the same C files."""
    random = np.random.default_rng(8)
    picture = random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    points = (TEMPLATE - 56) @ np.array([[0.5, 0.2], [-0.2, 0.5]]) + [50, 45]
    landmarks = np.rint(points * 256).astype(np.int32)
    _, placement = fit(landmarks, REFERENCE)
    lines, names, hashes = [], [], []
    for form, number in FORMATS.items():
        rows = packed(picture, form)
        source, memory = frame(rows, form, pad=3)
        _, found = sample(source, placement, SIZE)
        hashes.append(fnv(found))
        lines.append(f"static const uint8_t {form}[] = {numbers(memory)};")
        names.append(f"{{{form}, sizeof {form}, (pv_pixel_format){number}, {WIDTH}, {HEIGHT}, "
                     f"{source.stride}}}")  # fmt: skip
    stored = np.clip(np.rint(random.normal(3, 25, DIMENSION)), -128, 127).astype(np.int8)
    _, face = template(stored, zero_point=3)
    place = Place(tuple(landmarks.ravel()), tuple(REFERENCE.ravel()), WIDTH, HEIGHT)
    _, quality = measure(found, place)
    assert quality.margin > 0  # else the hash would say little of its network
    hashes += [fnv(face), fnv(np.frombuffer(bytes(quality), np.uint8))]
    placed = [placement.x, placement.y, placement.right_x, placement.right_y]
    lines += [
        f"enum {{ DIMENSION = {DIMENSION}, FRAMES = {len(FORMATS)} }};",
        f"static const pv_frame frames[] = {{{', '.join(names)}}};",
        f"static const int32_t landmarks[] = {numbers(landmarks)};",
        f"static const int32_t reference[] = {numbers(REFERENCE)};",
        f"static const int64_t placed[] = {numbers(placed)};",
        f"static const int8_t stored[] = {numbers(stored)};",
        f"static const uint32_t hashes[] = {numbers(hashes)};",
        f"static const pv_quality_place place = {{{numbers(landmarks)}, {numbers(REFERENCE)}, "
        f"{WIDTH}, {HEIGHT}, 0}};",
        f"static const int32_t wanted = {score(face, stored)[1]};",
    ]
    return "\n".join(lines) + "\n"


def test_bytes_and_instructions(
    core: str, given: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    require_board()
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "given.h").write_text(given)
    runtime = sources.firmware_directory().parent / "runtime"
    files = [tmp_path / "main.c", *(runtime / f"{part}.c" for part in PARTS)]
    image = board.build(TARGETS[core], tmp_path, files, ["-DPV_MARK", f"-I{tmp_path}"], parts=[])
    regions = count(board.emulator(TARGETS[core]), ["-kernel", str(image)], MARKS["thumb"])
    found = dict(zip(LIMITS, (region.executed for region in regions[::2]), strict=True))
    with capsys.disabled():
        print(f"\n{core}: " + ", ".join(f"{step} {value:,}" for step, value in found.items()))
    for step, value in found.items():
        assert value <= LIMITS[step], step
