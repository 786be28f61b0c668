"""The arena planner: nothing overlaps, never below the bound, close to it on the real network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile import pipeline
from pocketvision.compile.frontend.load import load
from pocketvision.compile.lower import lower
from pocketvision.compile.memory import lifetimes
from pocketvision.compile.memory.plan import ALIGNMENT, SLACK, Plan, Span, plan
from pocketvision.compile.targets import TARGETS

SHIPPED = Path(__file__).resolve().parents[3] / "training/weights/pocketnet-s-128.int8.onnx"


@st.composite
def pieces(draw: st.DrawFn) -> list[Span]:
    count = draw(st.integers(0, 12))
    spans = []
    for index in range(count):
        first = draw(st.integers(0, 15))
        last = draw(st.integers(first, 16))
        span = Span(f"s{index}", draw(st.integers(1, 3000)), first, last)
        dying = [other for other in spans if other.last == first]
        if dying and draw(st.booleans()):
            over = draw(st.sampled_from(dying))
            behind = draw(st.integers(-over.size, span.size))
            span = replace(span, over=over.name, behind=behind)
        spans.append(span)
    return spans


def assert_sound(spans: list[Span], found: Plan) -> None:
    """Every span has its place, whole, aligned and shared with none that lives then."""
    assert found.offsets.keys() == {span.name for span in spans}
    for span in spans:
        start = found.offsets[span.name]
        assert start >= 0 and start % ALIGNMENT == 0
        assert start + span.size + SLACK <= found.bytes
        for other in spans:
            if other.name != span.name and span.first <= other.last and other.first <= span.last:
                begin = found.offsets[other.name]
                apart = start + span.size <= begin or begin + other.size <= start
                behind = span.over == other.name and begin - start >= span.behind
                before = other.over == span.name and start - begin >= other.behind
                assert apart or behind or before


def most_live_bytes(spans: list[Span]) -> int:
    rounded = {s.name: -(-s.size // ALIGNMENT) * ALIGNMENT for s in spans}

    def at(step: int) -> int:
        here = {s.name: s for s in spans if s.first <= step <= s.last}
        overs = [s for s in here.values() if s.over in here and s.first == step]
        return sum(rounded[name] for name in here) - sum(
            rounded[s.name] + rounded[s.over] - together(rounded[s.name], rounded[s.over], s.behind)
            for s in overs
            if s.over
        )

    return max((at(step) for step in range(17)), default=0)


def together(size: int, other: int, behind: int) -> int:
    """The least bytes of a result and the input that it may lie over: all distances tried."""
    apart = range(-other, size + 1, ALIGNMENT)
    return min(
        max(size, distance + other) - min(0, distance)
        for distance in [*apart, size]
        if distance >= behind
    )


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(pieces())
def test_plans_are_sound(spans: list[Span]) -> None:
    found = plan(spans, attempts=20)
    assert_sound(spans, found)
    assert found.lower_bound == most_live_bytes(spans) + SLACK
    assert found.lower_bound <= found.bytes <= sum(-(-s.size // 64) * 64 for s in spans) + SLACK
    assert plan(spans, attempts=20) == found


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    sizes = [640, 1280, 64, 640, 1920, 128]
    spans = [Span(f"t{i}", size, i, i + 1) for i, size in enumerate(sizes)]
    assert plan(spans).bytes == 640 + 1920 + SLACK


def test_results_over_inputs_share_all_but_what_is_between_them() -> None:
    spans = [Span("x", 1280, 0, 1), Span("y", 640, 1, 2, "x", 128), Span("z", 640, 2, 3, "y", -64)]
    found = plan(spans)
    assert found.bytes == found.lower_bound == 1280 + 128 + SLACK
    assert found.offsets["x"] - found.offsets["y"] >= 128
    assert_sound(spans, found)


def test_spans_that_never_meet_share_their_place() -> None:
    spans = [Span(f"t{i}", 500, 2 * i, 2 * i + 1) for i in range(5)]
    assert plan(spans) == Plan({f"t{i}": 0 for i in range(5)}, 512 + SLACK, 512 + SLACK)


def test_the_search_finds_what_no_fixed_order_does() -> None:
    spans = [
        Span("a", 192, 4, 5), Span("b", 192, 5, 6), Span("c", 256, 2, 4), Span("d", 64, 4, 6),
        Span("e", 192, 5, 5), Span("f", 64, 2, 2),
    ]  # fmt: skip
    assert plan(spans, attempts=0).bytes == 768
    found = plan(spans)
    assert_sound(spans, found)
    assert found.bytes == found.lower_bound == 704


def test_the_shipped_network_is_within_5_percent_of_the_bound() -> None:
    if not SHIPPED.exists():
        pytest.skip(f"{SHIPPED.name} is not in this tree")
    graph = pipeline.optimise(load(SHIPPED))
    for target in TARGETS.values():
        program = lower.lower(graph, pipeline.instruction_set(target))
        found = plan(lifetimes.spans(program.calls))
        assert found.bytes <= 1.05 * found.lower_bound, target.name
