"""RAM banks: lists of sizes, placements that are sound, and what lacks where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile import CompileError
from pocketvision.compile.memory import banks
from pocketvision.compile.memory.plan import ALIGNMENT, SLACK, Plan, Span

from .test_plan import assert_sound, pieces


@pytest.mark.parametrize(
    "text, sizes",
    [
        ("512K", (512 * 1024,)), ("128k, 512K,288KiB", (131072, 524288, 294912)),
        ("1M,100", (1048576, 100)), ("64kB", (65536,)),
    ],
)  # fmt: skip
def test_sizes_of_banks(text: str, sizes: tuple) -> None:
    assert banks.parse(text) == sizes


@pytest.mark.parametrize("text", ["", "512K,", "many", "-4K", "0", "512K;288K", "1.5M", "4G"])
def test_other_lists_are_refused(text: str) -> None:
    with pytest.raises(CompileError, match="--ram: expected sizes such as 512K,288K .*, got"):
        banks.parse(text)
    with pytest.raises(CompileError, match="at most 8 banks, got 9"):
        banks.parse(",".join(["1K"] * 9))


def check(spans: list[Span], sizes: list[int], found: Plan) -> None:
    """Each bank by itself is a sound plan within its size."""
    assert found.bytes == sum(found.sizes)
    for bank, size in enumerate(sizes):
        here = [span for span in spans if found.banks.get(span.name, 0) == bank]
        if not here:
            continue
        assert found.sizes[bank] <= size
        offsets = {span.name: found.offsets[span.name] for span in here}
        assert_sound(here, Plan(offsets, found.sizes[bank], 0))


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(pieces(), st.lists(st.integers(200, 9000), min_size=1, max_size=4))
def test_placements_are_sound_or_refused(spans: list[Span], sizes: list[int]) -> None:
    try:
        found = banks.place(spans, sizes, attempts=60)
    except CompileError as error:
        assert str(error).startswith("RAM: ")
        return
    check(spans, sizes, found)
    assert banks.place(spans, sizes, attempts=60) == found


def test_one_bank_is_enough_where_all_fits() -> None:
    spans = [Span("a", 100, 0, 1), Span("b", 100, 1, 2)]
    found = banks.place(spans, [256 + SLACK, 1000])
    assert found.sizes == (256 + SLACK,) and found.banks == {}


def test_the_hot_tensor_takes_the_fast_bank() -> None:
    spans = [Span("big", 1024, 0, 1), Span("hot", 512, 0, 1)]
    found = banks.place(spans, [1100, 1100], heat={"hot": 9.0, "big": 1.0})
    assert found.banks == {"hot": 0, "big": 1}


def test_a_placement_that_first_fit_misses_is_found() -> None:
    """By heat the small ones fill the first bank; then neither bank holds the large ones."""
    small = [Span(f"s{i}", 256, 0, 1) for i in range(4)]
    spans = [*small, Span("x", 1024, 0, 1), Span("y", 512, 0, 1), Span("z", 512, 0, 1)]
    sizes = [1024 + 512 + SLACK, 1024 + 512 + SLACK]
    found = banks.place(spans, sizes, heat={s.name: 5.0 for s in small})
    check(spans, sizes, found)


def test_what_lacks_is_said() -> None:
    spans = [Span("a", 1000, 0, 1), Span("b", 1000, 1, 2)]
    with pytest.raises(CompileError, match=r"2,112 bytes live at once at second, the banks hold "
                       r"2,100: 12 bytes are missing"):  # fmt: skip
        banks.place(spans, [1100, 1000], steps=["first", "second", "third"])
    fuller = [*spans[:1], *(Span(name, 1000, 1, 1) for name in "bcd")]
    with pytest.raises(CompileError, match=r"^RAM: 4,160 bytes live at once at second"):
        banks.place([*fuller, Span("e", 200, 0, 0)], [1200], steps=["first", "second"])
    with pytest.raises(CompileError, match=r"a has 1,088 bytes, the largest bank 1,000: 88"):
        banks.place(spans, [1000, 1000, 1000])


def test_a_single_bank_that_no_plan_fits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Live bytes fit, but packing them leaves holes: the plan is 64 bytes above its bound."""
    spans = [Span("a", 64, 0, 0), Span("b", 128, 0, 1)]
    monkeypatch.setattr(banks, "plan", lambda spans, enough: Plan({"a": 0, "b": 128}, 320, 256))
    with pytest.raises(CompileError, match=r"needs 320 bytes, the bank holds 260: 60 bytes are "
                       r"missing \(no plan needs less than 256\)"):  # fmt: skip
        banks.place(spans, [260])


def test_no_placement_found() -> None:
    """Three halves of a bank each fit in two banks by bytes, not in whole pieces."""
    spans = [Span(name, 704, 0, 1) for name in "abc"]
    bank = (704 + 352) // ALIGNMENT * ALIGNMENT + ALIGNMENT + SLACK
    with pytest.raises(CompileError, match="no placement in banks of .* leaves out"):
        banks.place(spans, [bank, bank])
