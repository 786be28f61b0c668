"""Notes on what is not fast: each reason by the smallest graph that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.graph import Conv, Table
from pocketvision.compile.inspect.unaccelerated import Note, notes
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.lower.program import Copy

from ..graphs import Builder

Case = Callable[[Builder], str]


def found(make: Case, target: str = "x86-64-avx2") -> list[Note]:
    """Notes of a graph after all passes, but those on its two ends."""
    build = Builder(1, (6, 6, 16), zero=3, tame=True)
    graph = pipeline.optimise(build.graph(make(build)))
    program = lower(graph, pipeline.instruction_set(TARGETS[target]))
    return [note for note in notes(program) if not isinstance(note.operator, Copy)]


def shared(build: Builder) -> str:
    x = build.conv("input")
    return build.add(build.rescale(x, two_scales=True), x)


def twice_activated(build: Builder) -> str:
    x = build.rescale(build.conv("input"), factor=0.7, zero=1)
    return build.conv(build.rescale(x, factor=0.9, zero=2))


def slopes_differ(build: Builder) -> str:
    return build.conv(build.rescale(build.conv("input"), two_scales=True))


def behind_an_add(build: Builder) -> str:
    x = build.add(build.conv("input"), "input")
    return build.conv(build.rescale(x))


def add_of_both(build: Builder) -> str:
    x = build.conv("input")
    return build.add(x, x)


def add_of_a_pool(build: Builder) -> str:
    return build.add("input", build.pool("input", "max", (1, 1)))


def add_read_before(build: Builder) -> str:
    x = build.conv("input")
    return build.add(build.add("input", x), build.conv(x))


def uneven(build: Builder) -> str:
    a = build.conv("input", 5)
    return build.concat(a, build.conv("input", 16, like=a))


def doubled(build: Builder) -> str:
    a = build.conv("input")
    return build.concat(a, a)


def of_the_input(build: Builder) -> str:
    return build.concat("input", build.conv("input", like="input"))


def in_two(build: Builder) -> str:
    a = build.conv("input")
    b = build.concat(a, build.conv("input", like=a))
    return build.concat(b, build.concat(build.conv("input", like=a), a))


def grouped(build: Builder) -> str:
    return build.conv("input", 24, groups=2)


OWN = "{} as a pass of its own"


@pytest.mark.parametrize(
    ("make", "what", "why"),
    [
        (shared, OWN.format("activation"), "its source has other readers"),
        (twice_activated, OWN.format("activation"),
         "the convolution before it has an activation already"),
        (slopes_differ, OWN.format("activation"), "its positive slopes differ"),
        (behind_an_add, OWN.format("activation"),
         "its source comes from add, not from a convolution"),
        (add_of_both, OWN.format("add"), "it adds a tensor to itself"),
        (add_of_a_pool, OWN.format("add"),
         "its later operand comes from pool, not from a convolution"),
        (add_read_before, OWN.format("add"), "its later operand has other readers"),
        (uneven, "concatenation copied", "its parts are no multiples of 16 channels"),
        (doubled, "concatenation copied", "one tensor stands in it twice"),
        (of_the_input, "concatenation copied", "the network's input is one of its parts"),
        (in_two, "concatenation copied", "a part belongs to another concatenation"),
        (grouped, "grouped convolution run as a dense one",
         "groups of 8 to 12 channels do not fall on blocks of 8"),
        (lambda b: b.pool(b.depthwise("input", pads=(1, 1, 1, 1)), "average", (2, 2)),
         "border of a padded tensor filled on every run",
         "the arena's bytes belong to other tensors before"),
    ],
)  # fmt: skip
def test_each_reason(make: Case, what: str, why: str) -> None:
    assert (what, why) in [(note.what, note.why) for note in found(make)]


def test_rescales_in_float() -> None:
    reasons = {
        target: {note.why for note in found(slopes_differ, target) if "float" in note.what}
        for target in ("x86-64-portable", "aarch64-neon")
    }
    assert reasons["x86-64-portable"] == {"the target's kernels have no rounding 16-bit product"}
    assert reasons["aarch64-neon"] <= {"no 16-bit factors give the same bytes"}


@pytest.mark.parametrize(
    ("scales", "lacking"), [([0.0123, 0.0123, 2.0**-9, 0.0123], "2 of 4"), ([2.0**-9], "4 of 4")]
)
def test_channels_that_stay_in_float_are_counted(scales: list[float], lacking: str) -> None:
    def make(build: Builder) -> str:
        x = build.conv("input", 4)
        op = build.ops[-1]
        assert isinstance(op, Conv)
        build.ops[-1] = replace(op, scale=np.resize(np.float32(scales), 4))
        return x

    noted = found(make, "cortex-m4")
    assert [(note.what, note.why) for note in noted] == [
        ("rescale in float", f"no integers give the same bytes for {lacking} channels")
    ]
    assert found(make, "x86-64-avx2") == found(make, "cortex-m55") == []


def test_a_padded_maximum_beside_a_convolution_is_copied() -> None:
    def make(build: Builder) -> str:
        x = build.conv("input")
        y = build.pool(x, "max", (3, 3), pads=(1, 1, 1, 1))
        return build.add(build.depthwise(x, pads=(1, 1, 1, 1)), y)

    assert ("copy", "a padded maximum, or the output, needs a tensor of its own") in [
        (note.what, note.why) for note in found(make)
    ]


def test_what_is_fast_has_no_note() -> None:
    assert found(lambda b: b.conv(b.conv("input", add="input"), two_scales=True)) == []


def test_only_some_tables_are_slow() -> None:
    def of_one(build: Builder) -> str:
        return build.table("input")

    def by_channel(build: Builder) -> str:
        y = build.table("input")
        op = build.ops[-1]
        assert isinstance(op, Table)
        tables = build.random.integers(-128, 128, (16, 256)).astype(np.int8)
        build.ops[-1] = replace(op, table=tables)
        return y

    what = "table looked up value by value"
    assert found(of_one, "aarch64-neon") == found(of_one) == []
    for make, target, why in (
        (of_one, "cortex-m4", "there is no vector kernel for it"),
        (by_channel, "x86-64-avx2", "each channel has a table of its own"),
    ):
        assert [(note.what, note.why) for note in found(make, target)] == [(what, why)]
