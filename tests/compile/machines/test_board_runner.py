"""What the runner of the kernel tests on boards notices: wrong memory, failures, missing room."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.targets import TARGETS

from ...conftest import ROOT
from ..boards import Boards, require_board

TARGET = TARGETS["cortex-m4"]

MODEL = """\
#include <pocketvision/model.h>
static const pv_tensor in[2] = {
  {"a", PV_DTYPE_INT8, 1, {3}, 1, 0}, {"b", PV_DTYPE_FLOAT32, 1, {1}, 1, 0}};
static const pv_tensor out[2] = {
  {"c", PV_DTYPE_INT8, 1, {5}, 1, 0}, {"d", PV_DTYPE_INT8, 1, {7}, 1, 0}};
static int run(const void *const *from, void *const *to, void *arena) {
  uint8_t *a = (uint8_t *)from[0], *b = (uint8_t *)from[1], *c = to[0], *d = to[1], *m = arena;
  for (int i = 0; i < 5; i++) c[i] = (uint8_t)(i < 3 ? a[i] : b[i - 3]);
  for (int i = 0; i < 7; i++) d[i] = (uint8_t)(a[0] + i);
  (void)m;
  DEED;
  return 0;
}
const pv_model built_model = {
  .arena_bytes = ARENA, .input_count = 2, .output_count = 2,
  .inputs = in, .outputs = out, .run = run};
"""


def ran(folder: Path, deed: str = "", arena: int = 64) -> np.ndarray:
    """What the runner writes for two vectors of a model that also does ``deed``: (2, 12)."""
    require_board()
    (folder / "model.c").write_text(MODEL)
    subprocess.run(
        ["arm-none-eabi-gcc", *TARGET.options, "-O1", f"-I{ROOT / 'csrc' / 'include'}",
         f"-DDEED={deed}", f"-DARENA={arena}", "-c", "model.c", "-o", "model.a"],
        cwd=folder, check=True,
    )  # fmt: skip
    (folder / "model.json").write_text(json.dumps({"symbol": "built_model"}))
    (folder / "in").write_bytes(bytes(range(14)))
    Boards(folder).run(folder / "model.a", TARGET, "in", "out")
    return np.frombuffer((folder / "out").read_bytes(), np.uint8).reshape(-1, 12)


def test_each_output_of_each_vector_is_written(tmp_path: Path) -> None:
    expected = [[*range(5), *range(7)], [*range(7, 12), *range(7, 14)]]
    assert ran(tmp_path).tolist() == expected


@pytest.mark.parametrize("place", ["m[-1]", "m[64]", "a[-1]", "a[3]", "b[4]", "c[-1]", "d[7]"])
def test_a_byte_outside_is_noticed(place: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)model\.a: .*wrote outside its memory"):
        ran(tmp_path, f"{place} ^= 1")


@pytest.mark.parametrize(
    "deed, arena, why",
    [
        ("return 1", 64, r"run\(\) failed"),
        ("*(volatile int *)0xfffffff0 = 1", 64, "fault: exception"),
        ("", 8 << 20, "the model's memory: larger than the board's"),
    ],
)
def test_a_failure_names_the_library(deed: str, arena: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=rf"(?s)model\.a: .*{why}"):
        ran(tmp_path, deed, arena)


def test_what_nobody_wrote_differs_from_run_to_run(tmp_path: Path) -> None:
    first, second = ran(tmp_path, "*c = m[5]")[:, 0]
    assert first != second
