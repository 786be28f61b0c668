"""Drawn files: imported, compared with onnxruntime by operator, compiled and run byte for byte."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.compile.targets import FAMILIES

from ...runners import Machines
from .draw import draw
from .styles import STYLES
from .write import write

QUICK, CHUNK = 60, 10
DEEP, DEEP_CHUNK = 2000, 100
COMPILED = 10
ON_AARCH64, ON_CORTEX = 100, 50
MOST_UNJUDGED = 0.02
"""Of files: onnxruntime's own inference, or its lack of a kernel, refuses one now and then."""

SEED = int(os.environ.get("POCKETVISION_SEED", secrets.randbits(30)))
"""Of what is drawn anew in every deep run."""


def file_of(seed: int, folder: Path) -> Path:
    """The file of a seed, in a style that the seed says too."""
    path = folder / f"drawn-{seed}.onnx"
    style = STYLES[seed % len(STYLES)]
    path.write_bytes(write(draw(seed), style).SerializeToString())
    return path


def judged(seeds: range, folder: Path) -> None:
    """Every file of ``seeds`` imports and agrees with onnxruntime; all that do not are named."""
    wrong, unjudged = [], []
    for seed in seeds:
        path = file_of(seed, folder)
        try:
            oracle.check(path, load(path), count=2)
        except oracle.IncomparableError as error:
            unjudged.append(f"seed {seed}: {error}")
        except Exception as error:  # whatever is raised, the seed belongs to it
            text = str(error).strip().splitlines()[0] if str(error) else ""
            style = STYLES[seed % len(STYLES)].name
            wrong.append(f"seed {seed} ({style}): {type(error).__name__}: {text}")
        else:
            path.unlink()
    assert not wrong, "\n".join([f"{len(wrong)} of {len(seeds)} in {folder}:", *wrong])
    if unjudged:
        print("\n".join(unjudged))
    assert len(unjudged) <= max(1, MOST_UNJUDGED * len(seeds)), "\n".join(unjudged)


@pytest.mark.parametrize("first", range(0, QUICK, CHUNK))
def test_drawn(first: int, tmp_path: Path) -> None:
    judged(range(first, first + CHUNK), tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("first", range(0, DEEP, DEEP_CHUNK))
def test_many_drawn(first: int, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """POCKETVISION_SEED repeats a run; the seeds of wrong files are in the message."""
    with capsys.disabled():
        print(f"\nPOCKETVISION_SEED={SEED}, files {first} to {first + DEEP_CHUNK}", end="")
    judged(range(SEED + first, SEED + first + DEEP_CHUNK), tmp_path)


def inputs(graph: Graph, seed: int, count: int = 2) -> list[np.ndarray]:
    """Noise of each input's type."""
    random = np.random.default_rng(seed)
    found = []
    for name in graph.inputs:
        tensor = graph.tensors[name]
        shape = (count, *tensor.shape)
        if tensor.real:
            found.append(random.normal(0, 2, shape).astype(np.float32))
        else:
            found.append(random.integers(-128, 128, shape).astype(np.int8))
    return found


def run(machines: Machines, target: str, seed: int, folder: Path) -> None:
    """Compiles the file of a seed and compares its bytes with the reference."""
    machines.require(TARGETS[target])
    try:
        graph = pipeline.optimise(load(file_of(seed, folder)))
        machines.check(graph, target, *inputs(graph, seed))
    except (AssertionError, CompileError) as error:
        raise AssertionError(f"seed {seed}: {error}") from None


def able(machines: Machines) -> list[str]:
    """The members of this machine's family that run here."""
    found = []
    for name in FAMILIES[machines.native]:
        try:
            machines.require(TARGETS[name])
        except pytest.skip.Exception:
            continue
        found.append(name)
    if not found:
        pytest.skip("no target for this machine")
    return found


@pytest.mark.parametrize("seed", range(COMPILED))
def test_compiled(seed: int, machines: Machines, tmp_path: Path) -> None:
    """Each seed on a member of this machine's family in turn."""
    members = able(machines)
    run(machines, members[seed % len(members)], seed, tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("first", range(0, DEEP, DEEP_CHUNK))
def test_many_compiled(first: int, machines: Machines, tmp_path: Path) -> None:
    """The same files as ``test_many_drawn``; seeds whose bytes are wrong are all named."""
    members, wrong = able(machines), []
    for seed in range(SEED + first, SEED + first + DEEP_CHUNK):
        target = members[seed % len(members)]
        try:
            run(machines, target, seed, tmp_path)
        except AssertionError as error:
            wrong.append(f"{target}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.deep
@pytest.mark.qemu
@pytest.mark.parametrize("number", range(ON_AARCH64))
def test_on_aarch64(number: int, machines: Machines, tmp_path: Path) -> None:
    members = FAMILIES["aarch64"]
    run(machines, members[number % len(members)], SEED + number, tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("target", FAMILIES["cortex-m"])
@pytest.mark.parametrize("number", range(ON_CORTEX))
def test_on_cortex(target: str, number: int, machines: Machines, tmp_path: Path) -> None:
    run(machines, target, SEED + number, tmp_path)
