"""The arena planner: nothing overlaps, never below the bound, close to it on the real network."""

from __future__ import annotations

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
        spans.append(Span(f"s{index}", draw(st.integers(1, 3000)), first, last))
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
                assert start + span.size <= begin or begin + other.size <= start


def most_live_bytes(spans: list[Span]) -> int:
    rounded = {s.name: -(-s.size // ALIGNMENT) * ALIGNMENT for s in spans}
    return max(
        (sum(rounded[s.name] for s in spans if s.first <= t <= s.last) for t in range(17)),
        default=0,
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
