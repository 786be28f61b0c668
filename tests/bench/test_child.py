"""Networks in child processes, played by a made-up one: embeddings, rounds, an early end."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pocketvision.bench.measure import take_turns

from .peers.candidate import Absent, Example
from .peers.race.contest import Ready
from .peers.runtimes.child import CHILDREN, Child

NETWORK = """
import sys, time
sys.path.insert(0, {children!r})
from serve import serve

def network(tensor):
    def run():
        print("what libraries print is no answer")
        time.sleep({seconds})
    return run, lambda: tensor.reshape(-1)[:4] * 2

serve(network)
"""


def _child(seconds: float = 0.0) -> Child:
    text = NETWORK.format(children=str(CHILDREN), seconds=seconds)
    return Child([sys.executable, "-c", text])


def _example(start: float) -> Example:
    tensor = np.arange(start, start + 3 * 112 * 112, dtype=np.float32)
    return Example(np.zeros((112, 112, 3), np.uint8), tensor.reshape(1, 3, 112, 112))


def test_a_child_embeds_what_it_is_given() -> None:
    child = _child()
    for start, expected in ((0, [0, 2, 4, 6]), (5, [10, 12, 14, 16])):
        bound = child(_example(start))
        bound.run()
        np.testing.assert_array_equal(bound.read(), expected)
    child.close()
    child.close()


def test_children_take_turns_with_others_and_time_themselves() -> None:
    slow, face = _child(0.02), _example(0)
    entrant = Ready(None, slow, face, None)  # type: ignore[arg-type]
    timings = take_turns([entrant.timed(), lambda: 1.5], 3)
    assert 20 <= timings[0].median < 200
    assert timings[1].median == 1.5
    slow.close()


def test_a_child_that_ends_says_why() -> None:
    with pytest.raises(Absent, match="no such runtime"):
        Child([sys.executable, "-c", "raise SystemExit('no such runtime')"])


@pytest.mark.parametrize("name", ["litert", "executorch"])
def test_every_peer_apart_has_its_programs(name: str) -> None:
    assert all(Path(CHILDREN, f"{verb}_{name}.py").is_file() for verb in ("convert", "serve"))
