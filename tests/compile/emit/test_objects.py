"""The memory of compiled kernels: what differs in anything has an object of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pocketvision.compile.emit import codegen
from pocketvision.compile.graph import Graph
from pocketvision.compile.kernels import families
from pocketvision.compile.pipeline import lowered
from pocketvision.compile.targets import TARGETS, Target

from ..graphs import Builder
from ..objects import Objects, key


def graph(outputs: int = 16, stride: int = 1, seed: int = 1) -> Graph:
    build = Builder(seed, (5, 6, 8))
    return build.graph(build.conv("input", outputs, (3, 3), stride=(stride, stride)))


def functions(of: Graph, target: Target) -> dict[str, object]:
    program = lowered(of, target)
    return {
        program.kernel_name(index): families.build(program.kernel_name(index), program.isa, shape)
        for index, shape in enumerate(program.kernels)
    }


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that the code generator was given, in order."""
    seen: list[str] = []
    build = codegen.build

    def counted(given: dict, target: Target) -> object:
        seen.append(key(given, target))
        return build(given, target)

    monkeypatch.setattr(codegen, "build", counted)
    return seen


def test_the_same_kernels_are_compiled_once(tmp_path: Path, made: list[str]) -> None:
    """Weights are no part of a kernel; another process finds what this one made."""
    target = TARGETS["x86-64-portable"]
    first = Objects(tmp_path)(functions(graph(), target), target)
    assert Objects(tmp_path)(functions(graph(seed=2), target), target) == first
    assert len(made) == 1
    assert first == codegen.object_code(functions(graph(), target), target)
    assert len(made) == 2, "here nothing is reused"


def renamed(given: dict) -> dict:
    return {f"other_{name}": function for name, function in given.items()}


@pytest.mark.parametrize(
    "of, name",
    [
        (graph(outputs=24), "x86-64-portable"),
        (graph(stride=2), "x86-64-portable"),
        (graph(), "x86-64-avx2"),
    ],
    ids=["shape", "stride", "target"],
)
def test_what_differs_is_compiled(of: Graph, name: str, tmp_path: Path, made: list[str]) -> None:
    objects, target = Objects(tmp_path), TARGETS["x86-64-portable"]
    first = objects(functions(graph(), target), target)
    second = objects(functions(of, TARGETS[name]), TARGETS[name])
    assert len(set(made)) == 2 and first != second


def test_another_name_or_option_is_compiled(tmp_path: Path, made: list[str]) -> None:
    objects, target = Objects(tmp_path), TARGETS["x86-64-portable"]
    given = functions(graph(), target)
    objects(given, target)
    objects(renamed(given), target)
    objects(given, replace(target, llvm=(*target.llvm, ("opt-level", 1))))
    assert len(set(made)) == len(made) == 3
