"""A small network of int8, float32, moves and tables, as ordinary files make them, everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pocketvision
from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Conv, Graph
from pocketvision.compile.inspect import report, validate
from pocketvision.compile.inspect.describe import described
from pocketvision.compile.inspect.unaccelerated import notes
from pocketvision.compile.memory import fit, rows
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan
from pocketvision.compile.pipeline import compile_graph, lowered
from pocketvision.compile.targets import TARGETS

from .graphs import inputs
from .kernels.cases import on_every_target
from .runners import Machines
from .wide_graphs import WideBuilder, real_inputs

SAME = (1, 1, 1, 1)


def network() -> Graph:
    """HardSwish in float32, a shuffle, a padded pool, an enlargement; int8 and float32 leave."""
    build = WideBuilder(7, (10, 8, 3))
    other = build.real_input((5, 4, 24))
    x = build.real_conv("input", 24, (3, 3), stride=(2, 2), pads=SAME)
    shift = build.constant((1, 1, 1), like=x)
    gate = build.unary(build.binary(x, shift, "add"), "clip")
    x = build.quantise(build.binary(build.binary(x, gate, "multiply"), other, "add"))
    x = build.select(x, None, None, np.arange(24).reshape(2, 12).T.ravel())
    pooled = build.quantise(build.real_pool(build.dequantise(x), "average", (3, 3), pads=SAME))
    x = build.concat_along(0, x, build.select(x, range(2), None, None))
    x = build.depthwise(x, (3, 3), pads=SAME, two_scales=True)
    deep = build.interpolate(pooled, 10, 8)
    flat = build.move(x, (28, 24), (1, 0), (1, 1, 672))
    scores = build.softmax(build.conv(flat, 10), real=True)
    return build.graph(scores, deep)


def noise(graph: Graph, count: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    first, second = (graph.tensors[name] for name in graph.inputs)
    return [inputs(random, count, first), real_inputs(random, count, second.shape, (-20, 20))]


@on_every_target
def test_everywhere(machines: Machines, target: str) -> None:
    graph = pipeline.optimise(network())
    machines.check(graph, target, *noise(graph))


def test_from_python(machines: Machines) -> None:
    graph = pipeline.optimise(network())
    stored, real = noise(graph)
    best = machines.best()
    path = compile_graph(graph, TARGETS[best], machines.folder / "real.so").path
    model = pocketvision.Model(path)
    assert [t.dtype for t in (*model.inputs, *model.outputs)] == [
        "int8", "float32", "float32", "int8",
    ]  # fmt: skip
    expected = reference.run_all(graph, [stored, real])
    found = model.run([stored, real], dequantise=False)
    assert isinstance(found, dict)
    for tensor, name in zip(model.outputs, graph.outputs, strict=True):
        np.testing.assert_array_equal(found[tensor.name], expected[name])
        assert found[tensor.name].dtype == expected[name].dtype
    np.testing.assert_allclose(found[model.outputs[0].name].sum(axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "target", ["x86-64-vnni", "x86-64-portable", "aarch64-dotprod", "cortex-m4"]
)
def test_every_operator_in_between(machines: Machines, target: str) -> None:
    machines.require(TARGETS[target])
    graph = pipeline.optimise(network())
    x = noise(graph)
    expected = reference.run_all(graph, x, keep=True)
    found = validate.compare(graph, TARGETS[target], x, expected, layers=True)
    assert found.equal and found.tensors >= len(graph.ops) - 1  # a constant is nowhere made


def test_a_convolution_to_float32_takes_nothing_in() -> None:
    """Passes fuse activations and adds of int8 alone."""
    graph = pipeline.optimise(network())
    real = [op for op in graph.ops if isinstance(op, Conv) and graph.tensors[op.output].real]
    assert len(real) == 1 and real[0].activation is None and real[0].add is None


@pytest.mark.parametrize("target", TARGETS)
def test_reports_have_a_word_for_everything(target: str) -> None:
    program = lowered(pipeline.optimise(network()), TARGETS[target])
    words = described(program)
    kinds = {word.kind for word in words.values()}
    assert {"conv 3x3 /2", "softmax", "interpolate", "quantise", "real_clip", "move"} <= kinds
    assert "average pool 3x3" in kinds
    assert sum(note.what == "computed in float32" for note in notes(program)) == 5


def test_a_report_of_times(machines: Machines) -> None:
    target = TARGETS[machines.best()]
    program = lowered(pipeline.optimise(network()), target)
    assert report.timed(program, target, 3, 1.0).total.cost > 0


def test_made_up_inputs_are_of_their_own_types() -> None:
    graph = network()
    first, second = validate.made_up(graph, 6)
    assert first.dtype == np.int8 and second.dtype == np.float32
    assert np.abs(second).max() <= 4 and len(np.unique(second)) > 100


def test_files_of_inputs_are_of_their_own_types(tmp_path: Path) -> None:
    graph = network()
    arrays = dict(zip(graph.input_names, noise(graph), strict=True))
    np.savez(tmp_path / "in.npz", **arrays)
    np.testing.assert_array_equal(
        validate._read(graph, tmp_path / "in.npz", 2)[1], noise(graph)[1][:2]
    )
    arrays[graph.input_names[1]] = arrays[graph.input_names[1]].astype(np.float64)
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(CompileError, match=r"expected float32 \(N, 5, 4, 24\), .* got float64"):
        validate._read(graph, tmp_path / "in.npz", 2)


def test_a_header_counts_bytes(tmp_path: Path) -> None:
    try:
        done = compile_graph(network(), TARGETS["cortex-m4"], tmp_path / "m.a")
    except CompileError as error:
        pytest.skip(str(error))
    header = done.files[1].read_text()
    for line in ("INPUT0_BYTES 240", "INPUT1_BYTES 1920", "OUTPUT0_BYTES 40", "OUTPUT1_BYTES 1920"):
        assert f"_{line}\n" in header
    assert '"dtype": "float32"' in done.files[2].read_text()


def test_floats_in_strips(machines: Machines) -> None:
    """A chain through float32 has the same bytes where its maps never exist as a whole."""
    build = WideBuilder(9, (24, 12, 16))
    x = build.dequantise(build.conv("input", 40, (3, 3), pads=SAME))
    x = build.quantise(
        build.unary(build.real_pool(x, "max", (3, 3), pads=SAME), "prelu", slopes=40)
    )
    graph = build.graph(build.conv(x, 8, (3, 3), pads=SAME))
    between = frozenset(op.output for op in graph.ops if op.output not in graph.outputs)
    assert all(rows.possible(graph, name) for name in between)
    program = lowered(pipeline.optimise(graph), TARGETS["cortex-m4"])
    whole = plan(spans(program.calls)).bytes
    found = fit.fit(program, whole // 2)
    assert found is not None and found.between
    machines.check(found.program.graph, "cortex-m4", noise_of(graph))


def noise_of(graph: Graph) -> np.ndarray:
    return inputs(np.random.default_rng(1), 3, graph.tensors["input"])
