"""Networks of several inputs and outputs, and names that a compiler might use itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Conv, Graph
from pocketvision.compile.inspect import report, validate
from pocketvision.compile.lower.program import Copy
from pocketvision.compile.memory import fit, rows
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan
from pocketvision.compile.pipeline import compile_graph, lowered
from pocketvision.compile.targets import TARGETS

from .build_onnx import Qdq
from .graphs import Builder, inputs
from .kernels.cases import on_every_target
from .runners import Machines

SAME = (1, 1, 1, 1)


def two_to_three(seed: int = 5) -> Graph:
    """Two inputs of unlike size; a map that is read on, a vector and the sum of both branches."""
    build = Builder(seed, (9, 7, 6))
    other = build.more_input((9, 7, 16), zero=4)
    a = build.conv("input", 16, (3, 3), pads=SAME, two_scales=True)
    b = build.conv(other, 16)
    both = build.add(a, b)
    vector = build.pool(both, "average", (9, 7))
    return build.graph(a, vector, both)


def noise(graph: Graph, count: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [inputs(random, count, graph.tensors[name]) for name in graph.inputs]


@on_every_target
def test_two_inputs_and_three_outputs(machines: Machines, target: str) -> None:
    graph = pipeline.optimise(two_to_three())
    machines.check(graph, target, *noise(graph))


@on_every_target
def test_ends_that_are_each_other(machines: Machines, target: str) -> None:
    """An input that is an output as well, twice, and one that nothing reads."""
    build = Builder(2, (3, 5, 16))
    build.more_input((2, 2, 3))
    y = build.conv("input", 8)
    graph = pipeline.optimise(build.graph("input", y, "input"))
    machines.check(graph, target, *noise(graph))


def file_of_two_inputs(folder: Path) -> Path:
    """y1 = conv(first), y2 = y1 + conv(second), y3 = relu of a conv of y2."""
    net = Qdq((6, 5, 5))
    second = net.more_input("second", (6, 5, 5), 0.04, -7)
    y1 = net.quantised(net.conv(net.x, 8, 6, 3, pads=[1, 1, 1, 1]), 0.06, 2)
    branch = net.quantised(net.conv(second, 8, 6, 1), 0.05, -3)
    y2 = net.quantised(net.node("Add", y1, branch), 0.07, 1)
    y3 = net.quantised(net.node("Relu", net.conv(y2, 4, 8, 5)), 0.05, -128)
    path = folder / "ends.int8.onnx"
    onnx.save(net.model(y1, y2, y3), path)
    return path


def test_a_file_means_what_onnxruntime_says(tmp_path: Path) -> None:
    path = file_of_two_inputs(tmp_path)
    graph = load(path)
    assert graph.input_names == ("x", "second")
    assert graph.output_names == tuple(o.name for o in onnx.load(path).graph.output)
    stored = noise(graph, 4)
    values = reference.run_all(pipeline.optimise(graph), stored)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    for index in range(4):
        feed = {}
        for end, name, x in zip(graph.input_names, graph.inputs, stored, strict=True):
            tensor = graph.tensors[name]
            real = (x[index : index + 1].astype(np.float32) - tensor.zero_point) * np.float32(
                tensor.scale
            )
            feed[end] = np.ascontiguousarray(real.transpose(0, 3, 1, 2))
        for name, real in zip(graph.outputs, session.run(None, feed), strict=True):
            tensor = graph.tensors[name]
            wanted = np.rint(real / tensor.scale) + tensor.zero_point
            got = values[name][index].transpose(2, 0, 1)
            off = np.abs(wanted.reshape(got.shape) - got)
            assert off.max() <= 1 and off.mean() < 0.02, name


@pytest.mark.parametrize("layers", [False, True])
def test_validation_takes_arrays_by_name(tmp_path: Path, machines: Machines, layers: bool) -> None:
    path = file_of_two_inputs(tmp_path)
    graph = load(path)
    arrays = dict(zip(graph.input_names, noise(graph, 5), strict=True))
    np.savez(tmp_path / "in.npz", **arrays)
    best = machines.best()
    (found,) = validate.validate(path, best, tmp_path / "in.npz", count=4, layers=layers)
    assert found.equal and found.vectors == 4
    np.savez(tmp_path / "in.npz", x=arrays["x"])
    with pytest.raises(CompileError, match=r"in\.npz: .* with the inputs second, x, got x"):
        validate.validate(path, best, tmp_path / "in.npz")
    np.savez(tmp_path / "in.npz", x=arrays["x"], second=arrays["second"][:2])
    with pytest.raises(CompileError, match="input 'second' has 2 vectors, 'x' has 5"):
        validate.validate(path, best, tmp_path / "in.npz")
    np.save(tmp_path / "in.npy", arrays["x"])
    with pytest.raises(CompileError, match=r"in\.npy: .* with the inputs second, x, got x"):
        validate.validate(path, best, tmp_path / "in.npy")


def test_tensors_that_a_file_calls_strips(machines: Machines) -> None:
    """Two live tensors of such names once got one place in the arena."""
    build = Builder(3, (16, 16, 16))
    a, b = build.conv("input", 16), build.conv("input", 16)
    graph = build.graph(build.add(a, b))
    names = {a: "x strip 0", b: "x strip 1", graph.outputs[0]: "scratch of y"}
    graph = renamed(graph, names)
    for target in ("x86-64-avx2", "x86-64-portable", "cortex-m4"):
        machines.check(graph, target, *noise(graph))


def test_strips_of_tensors_that_a_file_calls_strips(machines: Machines) -> None:
    build = Builder(4, (12, 8, 16))
    a = build.conv("input", 16, (3, 3), pads=SAME)
    b = build.conv(a, 16, (3, 3), pads=SAME)
    graph = build.graph(build.add(a, b))
    graph = renamed(graph, {a: "x", b: "x strip 1", "input": "x strip 0"})
    made = rows.run(graph, frozenset({"x", "x strip 1"}), 3)
    assert made is not None and len(made.validate().tensors) == len(set(made.tensors))
    x = noise(graph)
    expected = reference.run_all(graph, x)
    assert np.array_equal(reference.run_all(made, x)[made.outputs[0]], expected[graph.outputs[0]])
    for target in ("x86-64-portable", "cortex-m4"):
        machines.check(made, target, *x)


def test_nodes_called_input_and_output_are_no_copies(tmp_path: Path, machines: Machines) -> None:
    build = Builder(6, (8, 8, 16))
    y = build.conv(build.conv("input", 16, (3, 3), pads=SAME), 16)
    graph = build.graph(y)
    first, second = graph.ops
    assert isinstance(first, Conv) and isinstance(second, Conv)
    graph = graph.with_ops([named(first, "input"), named(second, "input border")])
    target = TARGETS[machines.best()]
    program = lowered(graph, target)
    copies = [call for call in program.calls if isinstance(call.of, Copy)]
    assert len(copies) == 2
    done = report.timed(program, target, 2, 1.0)
    kinds = [row.kind for row in done.operators]
    assert sum("copy" in kind for kind in kinds) == 2 and sum("conv" in kind for kind in kinds) == 2


def test_the_arena_of_scratch_is_apart(machines: Machines) -> None:
    """On a Cortex-M a convolution has scratch memory of its own, whatever a tensor is called."""
    build = Builder(8, (10, 10, 16))
    a = build.conv("input", 16)
    graph = build.graph(build.add(build.conv(a, 16, (3, 3), pads=SAME), a))
    conv = next(op for op in graph.ops if isinstance(op, Conv) and op.kernel == (3, 3))
    graph = renamed(graph, {a: f"scratch of {conv.name}"})
    machines.check(graph, "cortex-m4", *noise(graph))
    program = lowered(graph, TARGETS["cortex-m4"])
    assert len({piece.whole for call in program.calls for piece in call.pieces}) >= 4


def test_outputs_stay_whole_where_the_rest_is_in_strips(machines: Machines) -> None:
    build = Builder(9, (24, 12, 16))
    a = build.conv(build.conv("input", 64, (3, 3), pads=SAME), 16)
    b = build.conv(build.conv(a, 64, (3, 3), pads=SAME), 8)
    graph = pipeline.optimise(build.graph(b, a))
    program = lowered(graph, TARGETS["cortex-m4"])
    found = fit.fit(program, plan(spans(program.calls)).bytes * 3 // 4)
    assert found is not None and not found.between & set(graph.outputs)
    machines.check(found.program.graph, "cortex-m4", *noise(graph))


def test_a_header_of_several_ends(tmp_path: Path) -> None:
    pytest.importorskip("tvm")
    graph = two_to_three()
    try:
        done = compile_graph(graph, TARGETS["cortex-m4"], tmp_path / "m.a")
    except CompileError as error:
        pytest.skip(str(error))
    header = done.files[1].read_text()
    for line in ("INPUTS 2", "OUTPUTS 3", "INPUT0_BYTES 378", "INPUT1_BYTES 1008"):
        assert f"_{line}\n" in header
    assert "_INPUT_BYTES" not in header


def renamed(graph: Graph, names: dict[str, str]) -> Graph:
    """The same graph with other names of tensors."""

    def new(name: str) -> str:
        return names.get(name, name)

    tensors = {new(n): replace(t, name=new(n)) for n, t in graph.tensors.items()}
    ops = tuple(
        replace(op, inputs=tuple(map(new, op.inputs)), output=new(op.output)) for op in graph.ops
    )
    ends = {end: tuple(map(new, getattr(graph, end))) for end in ("inputs", "outputs")}
    return replace(graph, tensors=tensors, ops=ops, input_names=(), output_names=(), **ends)


def named(op: Conv, name: str) -> Conv:

    return replace(op, name=name)
