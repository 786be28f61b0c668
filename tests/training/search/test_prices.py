"""Costs of parts, counted and from a made table; a budget in every currency at once."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from pocketvision.compile.cost import table as tables  # noqa: E402
from pocketvision.training.search import prices  # noqa: E402
from pocketvision.training.search.blockwise.outcome import select  # noqa: E402
from pocketvision.training.search.prices import Prices, limits, opened  # noqa: E402
from pocketvision.training.search.space import Block, Space  # noqa: E402
from pocketvision.training.search.traverse import ImpossibleError  # noqa: E402

SPACE = Space(
    (Block((8, 12), (1,), kernels=(3,)), Block((12, 16), (1, 2), kernels=(3,))),
    stem=8, head=16, embedding=4, size=32,
)  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> tables.Table:
    """A row for each part, of figures that have nothing to do with its MACs."""
    random = np.random.default_rng(5)
    rows = {}
    for key in SPACE.part_keys():
        code = {f"kernel {random.integers(0, 6)}": 100}
        flash, arena, instructions = (int(x) for x in random.integers(200, 1000, 3))
        rows[key] = tables.Row(flash, arena, code, instructions)
    return tables.record(tables.Table(tmp_path / "made.json", "cortex-m7"), rows)


def test_sums_maxima_and_code_that_is_shared(table: tables.Table) -> None:
    drawn = SPACE.random(np.random.default_rng(2))
    parts = SPACE.network(drawn)
    found = dict(zip(prices.NAMES[:3], Prices(table).of(parts, prices.NAMES[:3]), strict=True))
    assert found["macs"] == sum(part.macs for part in parts)
    assert found["instructions"] == sum(table.rows[part.key].instructions for part in parts)
    flash, arena = Prices(table).of(parts, ("flash", "arena"))
    price = table.price([part.key for part in parts])
    assert (flash, arena) == (price.flash, price.arena)
    assert arena == max(table.rows[part.key].arena for part in parts)


def test_several_budgets_against_every_network(table: tables.Table, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    rated = []
    for block in range(2):
        cells = [cell for cell in SPACE.cells() if cell.block == block]
        every = [candidate for cell in cells for candidate in SPACE.candidates(cell)]
        rated.append([(candidate, float(random.random())) for candidate in every])
    names = ("instructions", "flash", "arena")
    costs = opened("made.json", tmp_path)
    blocks, start = prices.choices(SPACE, rated, costs, names)
    whole = {}
    for a, b in itertools.product(rated[0], rated[1]):
        parts = SPACE.network((a[0], b[0]))
        total = costs.of(parts, names)
        # By blocks: code that two blocks share is counted twice, so never less than the whole.
        sums = [costs.of(group, names) for group in (
            parts[:1], SPACE.layers(0, a[0], 8), SPACE.layers(1, b[0], a[0].width), parts[-1:]
        )]  # fmt: skip
        flash = sum(row[1] for row in sums)
        assert flash >= total[1] and sum(row[0] for row in sums) == total[0]
        whole[a[0], b[0]] = (a[1] + b[1], (total[0], flash, total[2]))
    bounds = np.quantile([costs for _, costs in whole.values()], 0.45, axis=0)
    budget = dict(zip(names, bounds.tolist(), strict=True))
    fitting = sorted(r for r, c in whole.values() if all(np.array(c) <= bounds))
    found = select(SPACE, rated, costs, budget, 4)
    assert len(fitting) > 4
    assert [one.rating for _, one in found] == pytest.approx(fitting[:4], abs=1e-12)
    for network, one in found:
        assert tuple(one.costs[name] for name in names) == whole[network][1]
        assert one.costs["macs"] == sum(part.macs for part in SPACE.network(network))
    with pytest.raises(ImpossibleError, match=r"budget.arena: expected at least \d.* got 3"):
        select(SPACE, rated, costs, budget | {"arena": 3.0}, 1)


def test_what_a_table_lacks(table: tables.Table, tmp_path: Path) -> None:
    costs = Prices(table)
    with pytest.raises(ValueError, match="cycles are not measured for every row"):
        costs.check(SPACE, ["cycles"])
    rows = dict(table.rows)
    gone = SPACE.part_keys()[3]
    del rows[gone]
    with pytest.raises(ValueError, match=f"no row of {gone}"):
        Prices(replace(table, rows=rows)).check(SPACE, ["flash"])
    costs.check(SPACE, ["flash", "arena", "macs"])
    with pytest.raises(
        ValueError, match="instructions: is measured, and the recipe names no table"
    ):
        Prices().check(SPACE, ["macs", "instructions"])
    Prices().check(SPACE, ["macs", "parameters"])
    with pytest.raises(ValueError, match="none.json: no such table of costs"):
        opened("none.json", tmp_path)
    text = (tmp_path / "made.json").read_text()
    (tmp_path / "old.json").write_text(text.replace('"compiler": ', '"compiler": 9'))
    with pytest.raises(ValueError, match="was measured with version 9"):
        opened("old.json", tmp_path)


def test_limits() -> None:
    found = limits({"arena": 5.0}, ("macs",))
    assert found.names == ("macs", "arena") and found.peaks.tolist() == [False, True]
    assert found.limits.tolist() == [np.inf, 5.0]
    with pytest.raises(ValueError, match="budget.ram: no such cost; known: macs, parameters, inst"):
        limits({"ram": 3.0})
    with pytest.raises(ValueError, match="budget.macs: expected more than 0, got 0"):
        limits({"macs": 0.0})
