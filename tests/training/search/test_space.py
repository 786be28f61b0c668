"""The space against the networks that it describes: same layers, same counts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models.count import count  # noqa: E402
from pocketvision.training.search.space import (  # noqa: E402
    Block,
    Candidate,
    Head,
    Layer,
    Space,
    Stem,
    candidates_of,
)

BLOCKS = (Block((16, 24), (1, 2)), Block((24,), (2, 3)), Block((32, 48), (1, 2), expansions=(1, 3)))


def space(**changes) -> Space:
    return Space(**({"blocks": BLOCKS, "stem": 8, "head": 40, "embedding": 20} | changes))


@pytest.mark.parametrize("activation", ["relu", "prelu", "swish"])
@pytest.mark.parametrize("squeeze", [0.0, 0.25])
@pytest.mark.parametrize("size", [80, 112])
def test_parts_are_the_built_networks(activation: str, squeeze: float, size: int) -> None:
    searched = space(activation=activation, squeeze=squeeze, size=size)
    random = np.random.default_rng(3)
    for _ in range(4):
        drawn = searched.random(random)
        net = models.built("drawn", searched.architecture(drawn)).make()
        counted = count(net, size)
        stem, *layers, head = searched.network(drawn)
        assert len(layers) == sum(len(one.choices) for one in drawn) == len(net.blocks)
        for prefix, part in [("stem", stem), ("tail", head)] + [
            (f"blocks.{index}", layer) for index, layer in enumerate(layers)
        ]:
            rows = [row for row in counted.rows if row.name.startswith(f"{prefix}.")]
            assert sum(row.macs for row in rows) == part.macs, part.key
            assert sum(row.parameters for row in rows) == part.parameters, part.key


def test_kept_maps_and_odd_sides() -> None:
    blocks = (Block((16,), (2,), stride=1), Block((16,), (1,)))
    searched = Space(blocks, stem=16, head=16, embedding=4, size=108)
    drawn = searched.random(np.random.default_rng(0))
    net = models.built("drawn", searched.architecture(drawn)).make()
    assert count(net, 108).macs == sum(part.macs for part in searched.network(drawn))
    assert Layer(4, 4, 3, 3, 2, 7).side == 4


def test_keys() -> None:
    assert Stem(16, 112).key == "stem/3-16/k3s2/112/relu"
    assert Layer(16, 24, 3, 3, 2, 56).key == "ir/16-24/k3e3s2/56/relu/0"
    assert Layer(16, 24, 5, 6, 1, 28, "swish", 0.25).key == "ir/16-24/k5e6s1/28/swish/0.25"
    assert Head(160, 512, 128, 7).key == "head/160-512-128/gdc/7/relu"


def test_the_keys_of_a_space_are_those_of_its_networks() -> None:
    searched = space()
    keys = searched.part_keys()
    assert len(set(keys)) == len(keys)
    random, seen = np.random.default_rng(0), set()
    for _ in range(600):
        seen |= {part.key for part in searched.network(searched.random(random))}
    assert seen == set(keys)


def test_candidates() -> None:
    searched = space()
    cells = searched.cells()
    assert [cell.name for cell in cells[:3]] == [
        "block-1-w16-d1",
        "block-1-w16-d2",
        "block-1-w24-d1",
    ]
    assert [len(list(searched.candidates(cell))) for cell in cells] == [6, 36, 6, 36, 36, 216] + [
        6, 36, 6, 36
    ]  # fmt: skip
    for candidate in searched.candidates(cells[1]):
        assert Candidate.read(str(candidate)) == candidate
    drawn = searched.random(np.random.default_rng(1))
    assert candidates_of(searched.architecture(drawn)["layers"]) == drawn


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": ()}, "space.blocks: expected at least one"),
        ({"size": 100}, "space.size: expected a multiple of 16 pixels"),
        ({"blocks": (Block((), (1,)),)}, "the 1.: widths: expected different numbers"),
        ({"blocks": (BLOCKS[0], Block((8,), (2, 2)))}, "the 2.: depths: expected different"),
        ({"blocks": (Block((8,), (1,), kernels=(4,)),)}, "kernels: expected odd numbers"),
    ],
)
def test_mistakes_are_named(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        space(**changes)
    with pytest.raises(ValueError, match="expected 3 candidates, got 0"):
        space().network(())
