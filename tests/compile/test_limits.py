"""What whole networks may execute on aarch64 for one face: two thirds of the best other runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.compile.inspect.report import Report, report  # noqa: E402

from .quantised import whole  # noqa: E402

pytestmark = [pytest.mark.deep, pytest.mark.qemu]

MOST = {"pocketnet-s-128": 45e6, "mobilefacenet": 26e6, "vargfacenet": 62e6}
"""Instructions with SDOT."""

PAIRS = 0.75
"""The share of them that SMMLA may take of 1x1 layers."""


def pointwise(done: Report) -> float:
    return sum(row.cost for row in done.operators if row.kind.startswith("conv 1x1"))


@pytest.mark.parametrize("name", MOST)
def test_whole_networks(name: str, tmp_path: Path) -> None:
    path = whole(name, tmp_path)
    dots, pairs = (report(path, f"aarch64-{kind}", emulate=True) for kind in ("dotprod", "i8mm"))
    share = pointwise(pairs) / pointwise(dots)
    totals = " and ".join(f"{done.total.cost / 1e6:.2f} M" for done in (dots, pairs))
    print(f"{name}: {totals} instructions with SDOT and SMMLA; 1x1 layers {share:.3f}")
    assert dots.total.cost <= MOST[name]
    assert share <= PAIRS
