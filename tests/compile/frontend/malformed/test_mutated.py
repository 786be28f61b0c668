"""Valid files with a few changes: a CompileError, or the network that onnxruntime makes of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load

from ..generator.draw import draw
from ..generator.styles import STYLES
from ..generator.write import write
from .mutate import mutated

QUICK, CHUNK = 400, 50
DEEP, DEEP_CHUNK = 10_000, 500
PARENTS = 40
"""How many files the changes are made to."""

SEED = int(os.environ.get("POCKETVISION_SEED", secrets.randbits(30)))
MOST_VALUES = 10**7
"""Of all tensors of a network that is run."""


def answer(seed: int, folder: Path) -> str:
    """What becomes of a changed file: "refused", "taken", "alike", or what is wrong.

    Taken ones are those that onnxruntime cannot judge; it refuses more than we do, names of nodes
    that repeat for one.
    """
    parent = seed % PARENTS
    model = write(draw(parent, length=6), STYLES[parent % len(STYLES)])
    path = folder / f"mutated-{seed}.onnx"
    path.write_bytes(mutated(model, np.random.default_rng(seed)))
    try:
        graph = load(path)
        pipeline.optimise(graph)
    except CompileError as error:
        return "refused" if path.name in str(error) else f"no file in {str(error)!r}"
    except Exception as error:  # exactly what must not be
        return f"{type(error).__name__}: {error}"
    if sum(int(np.prod(tensor.shape)) for tensor in graph.tensors.values()) > MOST_VALUES:
        return "taken"
    try:
        oracle.check(path, graph, count=1)
    except oracle.IncomparableError:
        return "taken"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "alike"


def judged(seeds: range, folder: Path) -> None:
    found = {seed: answer(seed, folder) for seed in seeds}
    wrong = {s: text for s, text in found.items() if text not in ("refused", "taken", "alike")}
    lines = [f"seed {seed}: {text.splitlines()[0]}" for seed, text in wrong.items()]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(seeds)} in {folder}:", *lines])
    # Changes that every file or none survives would test nothing.
    kinds = list(found.values())
    assert kinds.count("alike") >= len(seeds) // 20
    assert kinds.count("refused") >= len(seeds) // 20


@pytest.mark.parametrize("first", range(0, QUICK, CHUNK))
def test_mutated(first: int, tmp_path: Path) -> None:
    judged(range(first, first + CHUNK), tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("first", range(0, DEEP, DEEP_CHUNK))
def test_many_mutated(first: int, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """POCKETVISION_SEED repeats a run."""
    with capsys.disabled():
        print(f"\nPOCKETVISION_SEED={SEED}, files {first} to {first + DEEP_CHUNK}", end="")
    judged(range(SEED + first, SEED + first + DEEP_CHUNK), tmp_path)
