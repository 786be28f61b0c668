"""Layouts: borders as wide as the widest reader's padding, concatenations as adjacent writes."""

from __future__ import annotations

import pytest

from pocketvision.compile.lower import layout
from pocketvision.compile.lower.layout import Root

from ..graphs import Builder


def test_the_border_covers_every_reader() -> None:
    build = Builder(1, (9, 8, 20), zero=7)
    x = build.conv("input", 20, zero=-11)
    a = build.depthwise(x, (5, 5), pads=(2, 2, 2, 2))
    b = build.depthwise(x, (3, 7), pads=(1, 3, 1, 3))
    found = layout.assign(build.graph(build.add(a, b)))
    assert found.roots[x] == Root(9, 8, 32, (2, 3, 2, 3), -11)
    assert found.roots[x].row == (8 + 6) * 32
    assert found.roots[x].bytes == (9 + 4) * 14 * 32
    assert found.offset(x) == 2 * 14 * 32 + 3 * 32
    assert found.offset(x, (2, 2)) == 32
    assert found.offset(x, (1, 3)) == 14 * 32
    assert found.roots[a].border == (0, 0, 0, 0) and found.roots[a].fill is None


def test_a_maximum_is_padded_with_the_least_value() -> None:
    build = Builder(2, (6, 6, 16), zero=3)
    x = build.conv("input", 16)
    graph = build.graph(build.pool(x, "max", (3, 3), pads=(1, 0, 0, 1)))
    assert layout.assign(graph).roots[x].fill == -128
    assert layout.assign(graph).roots[x].border == (1, 0, 0, 1)


@pytest.mark.parametrize("channels, pixel", [(1, 4), (3, 4), (5, 8), (16, 16), (17, 20)])
def test_an_input_of_dense_convolutions_is_packed_by_fours(channels: int, pixel: int) -> None:
    build = Builder(3, (4, 4, channels))
    dense = build.graph(build.conv("input", 8, (3, 3)))
    assert layout.assign(dense).roots["input"].pixel == pixel
    other = build.graph(build.add(build.rescale("input"), "input"))
    assert layout.assign(other).roots["input"].pixel == -(-channels // 16) * 16


def test_parts_are_written_side_by_side() -> None:
    build = Builder(4, (3, 3, 8))
    a = build.conv("input", 32)
    b, c = build.conv("input", 16, like=a), build.conv("input", 5, like=a)
    whole = build.concat(a, b, c)
    graph = build.graph(build.conv(whole, 4, (3, 3), pads=(1, 1, 1, 1)))
    found = layout.assign(graph)
    assert not found.materialised
    assert [found.places[name] for name in (a, b, c, whole)] == [
        (whole, 0), (whole, 32), (whole, 48), (whole, 0),
    ]  # fmt: skip
    assert not {a, b, c} & found.roots.keys()
    assert found.view(graph, b).channels == 16
    assert found.view(graph, b).pixel == found.roots[whole].pixel == 64
    assert found.offset(b) == found.offset(whole) + 32


def test_nested_parts_stand_in_the_outermost() -> None:
    build = Builder(5, (3, 3, 8))
    a = build.conv("input", 16)
    b, c = build.conv("input", 32, like=a), build.conv("input", 16, like=a)
    inner = build.concat(a, b)
    outer = build.concat(c, inner)
    found = layout.assign(build.graph(outer))
    assert [found.places[name] for name in (c, inner, a, b)] == [
        (outer, 0), (outer, 16), (outer, 16), (outer, 32),
    ]  # fmt: skip


def unaligned(build: Builder) -> str:
    a = build.conv("input", 5)
    return build.concat(a, build.conv("input", 16, like=a))


def part_twice(build: Builder) -> str:
    a = build.conv("input", 16)
    return build.concat(a, a)


def part_of_two(build: Builder) -> str:
    a = build.conv("input", 16)
    first = build.concat(a, build.conv("input", 16, like=a))
    return build.concat(first, build.concat(build.conv("input", 16, like=a), a))


def input_as_part(build: Builder) -> str:
    return build.concat("input", build.conv("input", 16, like="input"))


@pytest.mark.parametrize(
    "make, copies", [(unaligned, 1), (part_twice, 1), (part_of_two, 1), (input_as_part, 1)]
)
def test_what_cannot_be_adjacent_is_copied(make, copies: int) -> None:
    build = Builder(6, (3, 3, 16))
    assert len(layout.assign(build.graph(make(build))).materialised) == copies
