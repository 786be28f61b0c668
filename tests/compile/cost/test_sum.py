"""What the tables say of a network, beside the network compiled whole: at most 3 % apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS
from pocketvision.compile.cost import kernels
from pocketvision.compile.cost.table import read
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan

from ..runners import require_board
from . import whole
from .test_blocks import FACECHAIN_25M

LIMIT = 0.03
"""Of executed instructions. nn-Meter, the anchor, is within 10 % for 99 % of networks."""

COUNTED = ("cortex-m7", "aarch64-dotprod", "cortex-m4", "cortex-m55")
FEW, MANY = 2, 50
ROWS = 5


def require(name: str) -> None:
    if TARGETS[name].firmware:
        require_board()


def errors(found: list[int], true: list[int]) -> np.ndarray:
    return np.array(found) / np.array(true) - 1


@pytest.mark.qemu
@pytest.mark.parametrize("name", [COUNTED[0], pytest.param(COUNTED[1], marks=pytest.mark.deep)])
def test_small_networks(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Whole networks in QEMU: the sum, flash and arena; and that a call costs what its kernel
    does, on which ``test_random_networks`` relies."""
    require(name)
    target, table = TARGETS[name], read(name, name)
    # Layers without expansion pad what the one before them writes, which its row knows nothing of.
    padded = [layers for layers in whole.networks(MANY) if any("e1s" in key for key in layers)]
    chosen = sorted(padded, key=len)[:FEW]
    programs = [whole.program_of(layers, target, tmp_path) for layers in chosen]
    true = [whole.measured(program, target, tmp_path) for program in programs]
    said = [table.price(layers) for layers in chosen]
    for one, price in zip(true, said, strict=True):
        assert one.instructions and price.instructions
        error = price.instructions / one.instructions - 1
        with capsys.disabled():
            print(f"\n{name}: {one.instructions:,} instructions, the table {100 * error:+.2f} %")
        assert abs(error) <= LIMIT
        assert price.arena == pytest.approx(one.arena, rel=0.05)
        if one.flash is not None:
            assert price.flash == pytest.approx(one.flash, rel=0.05)
    assert whole.by_kernel(programs, target) == pytest.approx(
        [one.instructions for one in true], rel=1e-5
    )


@pytest.mark.qemu
@pytest.mark.deep
@pytest.mark.parametrize("name", COUNTED)
def test_random_networks(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    require(name)
    target, table = TARGETS[name], read(name, name)
    chosen = whole.networks(MANY)
    programs = [whole.program_of(layers, target, tmp_path) for layers in chosen]
    said = [table.price(layers) for layers in chosen]
    wrong = errors([p.instructions or 0 for p in said], whole.by_kernel(programs, target))
    plans = [plan(spans(program.calls)) for program in programs]
    far = errors([price.arena for price in said], [found.bytes for found in plans])
    while_a_layer_runs = errors([price.arena for price in said], [p.lower_bound for p in plans])
    with capsys.disabled():
        print(
            f"\n{name}, {MANY} networks: instructions of the sum at worst "
            f"{100 * wrong[np.abs(wrong).argmax()]:+.2f} %, median "
            f"{100 * np.median(np.abs(wrong)):.2f} %; arena at worst "
            f"{100 * far[np.abs(far).argmax()]:+.2f} %, exact in {(far == 0).sum()}"
        )
    assert np.abs(wrong).max() <= LIMIT
    assert np.abs(while_a_layer_runs).max() <= 0.05
    # Where results lie over inputs, layers that fit one by one may leave gaps between them.
    assert far.min() >= -0.1 and far.max() <= 0.05


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["cortex-m4"])
def test_a_shipped_network(name: str) -> None:
    """FaceChain of 25 M MACs, of our own quantiser, against its pinned figures."""
    require(name)
    pinned = json.loads((Path(__file__).parents[2] / "firmware" / "pinned.json").read_text())
    row = pinned[f"facechain-25m {name}"]
    price = read(name, name).price(FACECHAIN_25M)
    assert price.instructions == pytest.approx(row["instructions"], rel=0.005)
    assert price.arena == pytest.approx(row["arena"], rel=0.005)
    assert price.flash == pytest.approx(row["flash"], rel=0.02)


@pytest.mark.qemu
@pytest.mark.parametrize("name", COUNTED)
def test_tables_are_of_this_compiler(name: str) -> None:
    """Some rows counted anew. Where they differ, the compiler's code has changed: raise COMPILER
    in cost/table.py and measure the tables again, each by the command that stands in it with
    --again."""
    require(name)
    table, target = read(name, name), TARGETS[name]
    meter = kernels.Meter(target)
    found = [kernels.compiled(key, target) for key in [*table.rows][:: len(table.rows) // ROWS]]
    for block in found:
        meter.want(block.program, block.calls)
    meter.measure()
    anew = {block.key: kernels.row(block, meter.known) for block in found}
    for key, row in anew.items():
        stored = table.rows[key]
        # Where a call's arguments lie takes an instruction more or less to say.
        assert row.instructions == pytest.approx(stored.instructions, abs=40), key
        assert (row.flash, row.arena) == (stored.flash, stored.arena), key
