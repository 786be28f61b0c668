"""Validation: equal bytes are said, a wrong constant is found with its operator, bad files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Conv
from pocketvision.compile.inspect import validate
from pocketvision.compile.lower.program import Program
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan

from ..runners import Machines, require_board
from ..test_pipeline import network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("validate"))


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last convolution gets wrong biases, in the constants of the compiled program alone."""

    def spoiled(*arguments: Any, **options: Any) -> Program:
        program = pipeline.lowered(*arguments, **options)
        name = [op.name for op in program.graph.ops if isinstance(op, Conv)][-1]
        call = next(call for call in program.calls if str(call.of) == name)
        start = call.arguments[2].offset
        program.constants[start : start + 64] = bytes(b ^ 0x40 for b in bytes(64))
        return program

    monkeypatch.setattr(validate, "lowered", spoiled)


@pytest.mark.parametrize("layers", [False, True])
def test_this_machine_is_equal(model: Path, machines: Machines, layers: bool) -> None:
    (found,) = validate.validate(model, machines.best(), count=3, layers=layers)
    assert found.equal and found.vectors == 3 and found.stack is None
    assert found.tensors == (3 if layers else 1)
    assert str(found).endswith(f"equal bytes of {'3 operators' if layers else 'the output'} "
                               "for 3 vectors")  # fmt: skip


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55"])
def test_a_board_is_equal_and_tells_its_stack(model: Path, target: str) -> None:
    require_board()
    for layers in (False, True):
        (found,) = validate.validate(model, target, count=2, layers=layers)
        assert found.equal and found.target == target
        assert found.stack is not None and 100 < found.stack < 20000
        assert f"stack {found.stack:,} bytes" in str(found)


@pytest.mark.parametrize("layers", [False, True])
def test_strips_are_validated_for_a_board_of_less_ram(model: Path, layers: bool) -> None:
    require_board()
    target = TARGETS["cortex-m4"]
    program = pipeline.lowered(pipeline.optimise(load(model)), target)
    short = plan(spans(program.calls)).bytes - 48  # eight rows spare no more
    (whole,) = validate.validate(model, "cortex-m4", count=2, layers=layers)
    (found,) = validate.validate(model, "cortex-m4", count=2, layers=layers, ram=[short])
    assert found.equal
    assert found.tensors > whole.tensors if layers else found.tensors == 1


@pytest.mark.qemu
def test_aarch64_is_equal(model: Path) -> None:
    (found,) = validate.validate(model, "aarch64-dotprod", count=2, layers=True)
    assert found.equal


@pytest.mark.parametrize("target", ["host", "cortex-m33"])
def test_the_first_wrong_operator_is_named(
    model: Path, target: str, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = machines.best() if target == "host" else target
    if target != "host":
        require_board()
    spoil(monkeypatch)
    graph = pipeline.optimise(load(model))
    wrong = [op.name for op in graph.ops if isinstance(op, Conv)][-1]
    (found,) = validate.validate(model, name, count=2, layers=True)
    assert not found.equal and found.difference is not None
    assert found.difference.operator == wrong
    assert f"different: {found.difference.values} of" in str(found) and wrong in str(found)
    (output,) = validate.validate(model, name, count=2)
    assert output.difference is not None
    assert output.difference.operator == graph.producers()[graph.outputs[0]].name


def test_a_file_of_inputs(model: Path, machines: Machines, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).integers(-128, 128, (5, 8, 8, 3)).astype(np.int8))
    (found,) = validate.validate(model, machines.best(), path, count=4)
    assert found.equal and found.vectors == 4


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 3, 8), np.int8),
        np.zeros((0, 8, 8, 3), np.int8), np.int8(3),
    ],
)  # fmt: skip
def test_other_inputs_are_refused(model: Path, values: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, values)
    with pytest.raises(CompileError, match=r"x\.npy: expected int8 \(N, 8, 8, 3\), .*, got u?int8"):
        validate.validate(model, "x86-64-portable", path)


def test_what_is_no_array_is_refused(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    terabytes = b"{'descr': '|i1', 'fortran_order': False, 'shape': (1000000000000, 8, 8, 3)}\n"
    for header in (b"(" * 9000, terabytes):
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        with pytest.raises(CompileError, match=r"x\.npy: expected a \.npy or \.npz file"):
            validate.validate(model, "x86-64-portable", path)
    path.write_bytes(b"text")
    with pytest.raises(CompileError, match=r"x\.npy: expected a \.npy or \.npz file"):
        validate.validate(model, "x86-64-portable", path)
    with pytest.raises(CompileError, match="count: expected at least 1, got 0"):
        validate.validate(model, "x86-64-portable", count=0)


def test_members_of_a_family_that_cannot_run_are_skipped(
    model: Path, monkeypatch: pytest.MonkeyPatch, machines: Machines
) -> None:
    best = TARGETS[machines.best()]
    compare = validate.compare

    def picky(graph, target, *rest):
        if target is not best:
            raise CompileError(f"target {target.name}: not here")
        return compare(graph, target, *rest)

    monkeypatch.setattr(validate, "compare", picky)
    found = validate.validate(model, "host", count=1)
    assert [one.equal for one in found] == [one.target == best.name for one in found]
    assert sum("skipped: target" in str(one) for one in found) == len(found) - 1
    best = TARGETS["cortex-m4"]  # no member of the host's family
    with pytest.raises(CompileError, match=r"not here; target .*: not here"):
        validate.validate(model, "host", count=1)
