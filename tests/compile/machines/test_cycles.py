"""Modelled cycles: blocks, their weights, what LLVM does not know, and an absent llvm-mca."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.machines import cycles
from pocketvision.compile.machines.instructions import Instruction, Region

SDOT = bytes.fromhex("2094824e")  # sdot v0.4s, v1.16b, v2.16b
SUBS = bytes.fromhex("000400f1")  # subs x0, x0, #1
LOOP = bytes.fromhex("c1ffff54")  # b.ne to the sdot
CALL = bytes.fromhex("00000094")  # bl
NONE = bytes(4)  # udf #0


def region(*instructions: tuple[int, int, bytes]) -> Region:
    """Of (address, executed, code)."""
    found = tuple(Instruction(*instruction) for instruction in instructions)
    return Region(sum(i.executed for i in found), found)


def loop(times: int) -> Region:
    """An accumulation that waits for itself: two cycles a step on this core."""
    return region((0, times, SDOT), (4, times, SUBS), (8, times, LOOP))


@pytest.fixture
def mca() -> None:
    """llvm-mca."""
    if shutil.which("llvm-mca-19") is None:
        pytest.skip("llvm-mca-19 is absent; apt-get install llvm-19")


def test_blocks_end_at_branches_gaps_and_other_counts() -> None:
    text = {SDOT: "sdot ", SUBS: "subs ", LOOP: "b.ne #-8 ", CALL: "bl #0 "}
    found = cycles._blocks(
        region(
            (40, 7, SUBS), (0, 9, SDOT), (4, 9, SUBS), (8, 9, LOOP), (12, 9, SDOT), (16, 2, SDOT),
            (36, 7, CALL),
        ).instructions,
        text,
        cycles.CORTEX_A76,
    )  # fmt: skip
    assert found == {(SDOT, SUBS, LOOP): 9, (SDOT,): 11, (CALL,): 7, (SUBS,): 7}


@pytest.mark.usefixtures("mca")
def test_a_chain_of_dot_products_costs_their_latency() -> None:
    once, twice, nothing = cycles.modelled([loop(1000), loop(2000), region()])
    assert once == pytest.approx(2000, rel=0.1)
    assert twice == pytest.approx(2 * once) and nothing == 0


@pytest.mark.usefixtures("mca")
def test_a_call_costs_no_hundred_cycles_and_the_unknown_is_a_nop() -> None:
    (found,) = cycles.modelled([region((0, 10, CALL), (4, 10, NONE))])
    assert 0 < found < 40


@pytest.mark.usefixtures("mca")
def test_the_rest_takes_the_mean() -> None:
    """What is left when ``SHARE`` of the instructions are modelled, like the last three here."""
    (found,) = cycles.modelled([Region(0, (*loop(10**6).instructions, Instruction(64, 3, SUBS)))])
    mean = cycles.modelled([loop(10**6)])[0] / (3 * 10**6)
    assert found == pytest.approx(mean * (3 * 10**6 + 3))


THUMB = {
    "cortex-m4": ("a6fb0056", "08bf", "1846", "fbd1"),  # umull r5,r6,r6,r0; it eq; mov r0,r3; bne
    "cortex-m55": ("f2ee041e", "71fe4d8f", "22ef5201", "fbd1"),  # vmlav, vpst, vmov, bne
}


@pytest.mark.usefixtures("mca")
@pytest.mark.parametrize("core", THUMB)
def test_conditions_do_not_reach_the_next_instruction(core: str) -> None:
    """An IT or VPST apart from what it governs would make LLVM refuse or condition the rest."""
    codes = [bytes.fromhex(code) for code in THUMB[core]]
    text = cycles._disassembled(codes, cycles.cortex_m(core))
    assert text[codes[1]] == "nop "
    assert text[codes[2]].startswith(("mov r0, r3", "vmov q0, q1"))
    assert cycles.cortex_m(core).branch.match(text[codes[3]])
    places = range(0, 4 * len(codes), 4)
    found = Region(0, tuple(Instruction(*i) for i in zip(places, [100] * 4, codes, strict=True)))
    (one,) = cycles.modelled([found], cycles.cortex_m(core))
    assert 100 <= one < 2000


@pytest.mark.parametrize(
    "text, ends",
    [
        ("b #8 ", True), ("bne #-12 ", True), ("beq.w #100 ", True), ("bx lr ", True),
        ("bl #4 ", True), ("cbz r0, #4 ", True), ("pop {r4, pc} ", True), ("le lr, #-8 ", True),
        ("bfi r0, r1, #2, #3 ", False), ("bic r0, r1, r2 ", False), ("pop {r4, r5} ", False),
        ("vbic q0, q1, q2 ", False), ("bfc r0, #2, #3 ", False),
    ],
)  # fmt: skip
def test_what_ends_a_block_of_thumb(text: str, ends: bool) -> None:
    assert bool(cycles.cortex_m("cortex-m4").branch.match(text)) == ends


@pytest.mark.usefixtures("mca")
def test_an_unknown_core_is_an_error() -> None:
    with pytest.raises(CompileError, match="modelled cycles: .*abacus"):
        cycles.modelled([loop(10)], replace(cycles.CORTEX_A76, cpu="abacus"))


def test_an_absent_llvm_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CompileError, match="llvm-mc-19 is absent; .*apt-get install llvm-19$"):
        cycles.modelled([loop(10)])
