"""The shipped networks for microcontrollers on faces: the bytes of the reference, the stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.compile.inspect import validate

WEIGHTS = Path(__file__).resolve().parents[2] / "training" / "weights"
FACES = 200


def optimised(name: str) -> Graph:
    """The optimised graph of a shipped int8 file."""
    places = [folder / f"{name}.int8.onnx" for folder in (WEIGHTS, WEIGHTS / "boards")]
    path = next((place for place in places if place.is_file()), places[0])
    if not path.is_file():
        pytest.skip(f"{path.name} is not in this tree")
    return pipeline.optimise(load(path))


def expect_equal(graph: Graph, core: str, x: list[np.ndarray]) -> None:
    """The bytes of every vector; 8 KiB, what the example reserves, are enough of a stack."""
    found = validate.compare(graph, TARGETS[core], x, reference.run_all(graph, x), layers=False)
    assert found.equal, str(found)
    assert found.stack is not None and found.stack < 8192 - 512


def test_three_vectors_of_the_smallest(core: str) -> None:
    graph = optimised("facechain-25m")
    expect_equal(graph, core, validate.made_up(graph, 3))


@pytest.mark.full
@pytest.mark.shared
@pytest.mark.parametrize("name", ["facechain-25m", "facechain-125m", "pocketnet-s-128"])
def test_faces(name: str, core: str, shared_data: Path) -> None:
    from PIL import Image

    if name == "pocketnet-s-128" and core in ("cortex-m4", "cortex-m33"):
        pytest.skip("PocketNetS-128 is meant for M7 and M55")
    graph = optimised(name)
    paths = sorted(p for p in (shared_data / "lfw_112").rglob("*") if p.suffix in (".jpg", ".png"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, FACES).round().astype(int)]
    crops = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in chosen])
    expect_equal(graph, core, (crops.astype(np.int16) - 128).astype(np.int8))
