"""Moves behind quantised weights: the integers and the axis of their scales move instead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..small import constants, kinds, model, node, same

RANDOM = np.random.default_rng(3)
Q = np.int8


def scales(count: int) -> np.ndarray:
    return np.linspace(0.01, 0.05, count, dtype=np.float32)


# Stored shape, axis of the scales, the moves, constants they read, shape and axis afterwards.
CASES = {
    "transpose": ((4, 5, 1, 1), 1, [("Transpose", [], {"perm": [1, 0, 2, 3]})], {}, (5, 4, 1, 1),
                  0),
    "negative axis": ((1, 1, 4, 5), -1, [("Transpose", [], {"perm": [3, 2, 0, 1]})], {},
                      (5, 4, 1, 1), 0),
    "reshape": ((5, 4), 0, [("Reshape", ["r"], {})], {"r": [5, 4, 1, 1]}, (5, 4, 1, 1), 0),
    "unsqueeze": ((5, 4), 0, [("Unsqueeze", ["a"], {})], {"a": [2, 3]}, (5, 4, 1, 1), 0),
    "squeeze": ((1, 5, 4, 1, 1), 1, [("Squeeze", ["a"], {})], {"a": [0]}, (5, 4, 1, 1), 0),
    "identity": ((5, 4, 1, 1), 0, [("Identity", [], {})], {}, (5, 4, 1, 1), 0),
    "two": ((4, 5), 1, [("Transpose", [], {}), ("Unsqueeze", ["a"], {})], {"a": [2, 3]},
            (5, 4, 1, 1), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_axis_follows(tmp_path: Path, name: str) -> None:
    shape, axis, moves, values, moved, after_axis = CASES[name]
    nodes = [node("DequantizeLinear", ["q", "s", "z"], ["v0"], axis=axis)]
    for number, (kind, inputs, options) in enumerate(moves):
        nodes.append(node(kind, [f"v{number}", *inputs], [f"v{number + 1}"], **options))
    nodes.append(node("Conv", ["x", f"v{len(moves)}"], ["y"]))
    stored = RANDOM.integers(-127, 128, shape).astype(Q)
    values = {**values, "q": stored, "s": scales(5), "z": np.zeros(5, Q)}
    after = same(tmp_path, model(nodes, values))
    assert kinds(after) == ["DequantizeLinear", "Conv"]
    reader = after.graph.node[0]
    assert constants(after)[reader.input[0]].shape == moved
    assert [a.i for a in reader.attribute if a.name == "axis"] == [after_axis]


def test_one_scale_has_no_axis_to_follow(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["d"], axis=1),
        node("Reshape", ["d", "r"], ["w"]),
        node("Conv", ["x", "w"], ["y"]),
    ]
    stored = RANDOM.integers(0, 256, (2, 12)).astype(np.uint8)
    after = same(tmp_path, model(nodes, {"q": stored, "s": scales(1), "r": [6, 4, 1, 1]}))
    assert kinds(after) == ["DequantizeLinear", "Conv"]
    assert constants(after)[after.graph.node[0].input[1]].shape == ()


def test_an_axis_that_is_merged_stays_as_it_is(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["d"], axis=0),
        node("Reshape", ["d", "r"], ["w"]),
        node("Conv", ["x", "w"], ["y"]),
    ]
    stored = RANDOM.integers(-127, 128, (2, 3, 4)).astype(Q)
    after = same(tmp_path, model(nodes, {"q": stored, "s": scales(2), "r": [6, 4, 1, 1]}))
    assert kinds(after) == ["DequantizeLinear", "Reshape", "Conv"]


def test_other_readers_keep_theirs(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["d"], axis=0),
        node("Transpose", ["d"], ["t"]),
        node("MatMul", ["x", "d"], ["a"]),
        node("MatMul", ["a", "t"], ["y"]),
    ]
    stored = RANDOM.integers(-127, 128, (6, 3)).astype(Q)
    after = same(tmp_path, model(nodes, {"q": stored, "s": scales(6)}))
    assert kinds(after).count("DequantizeLinear") == 2 and "Transpose" not in kinds(after)


def test_blocks_stay_as_they_are(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["d"], axis=0, block_size=2),
        node("Transpose", ["d"], ["w"]),
        node("MatMul", ["x", "w"], ["y"]),
    ]
    stored = RANDOM.integers(-127, 128, (4, 6)).astype(Q)
    scale = RANDOM.uniform(0.01, 0.02, (2, 6)).astype(np.float32)
    after = same(tmp_path, model(nodes, {"q": stored, "s": scale}))
    assert kinds(after) == ["DequantizeLinear", "Transpose", "MatMul"]
