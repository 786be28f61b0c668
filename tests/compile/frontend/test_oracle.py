"""The comparison with onnxruntime: it finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import file_run, oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Conv, Graph, Move, Multiply, Op, Origin, Pool

from ..build_onnx import Qdq


def network(net: Qdq) -> str:
    """Map, gate, pool and matrix; both ends of what a tensor can be."""
    y = net.quantised(net.node("Relu", net.conv(net.x, 8, 6, pads=[1, 1, 1, 1])), 0.05, -128)
    whole = net.quantised(net.node("GlobalAveragePool", y), 0.008, -128)
    gate = net.quantised(net.node("Relu", net.conv(whole, 8, 8, 1)), 1 / 64, -128)
    y = net.quantised(net.node("Mul", y, gate), 0.04, -120)
    y = net.quantised(net.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2]), 0.03, -100)
    flat = net.node("Flatten", y)
    y = net.node("Gemm", flat, net.weight((128, 5), axis=1), name="matrix")
    return net.quantised(y, 0.1, 3)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Graph]:
    net = Qdq((6, 8, 8))
    path = net.save(tmp_path_factory.mktemp("oracle"), network(net))
    return path, load(path)


def changed(graph: Graph, kind: type[Op], change: Callable[[Op], Op]) -> Graph:
    """``graph`` with its first operator of ``kind`` changed."""
    at = next(index for index, op in enumerate(graph.ops) if isinstance(op, kind))
    ops = list(graph.ops)
    ops[at] = change(ops[at])
    return graph.with_ops(ops)


def test_every_operator_of_a_right_graph_agrees(case: tuple[Path, Graph]) -> None:
    path, graph = case
    rows = oracle.check(path, graph)
    assert {row.kind for row in rows} >= {"Conv", "Pool", "Multiply", "output"}
    assert all(row.steps <= 1 and row.wrong <= row.values for row in rows)
    first = next(row for row in rows if row.kind == "Conv")
    assert first.values == 3 * 8 * 8 * 8


def test_the_same_seed_gives_the_same_rows(case: tuple[Path, Graph]) -> None:
    assert oracle.compare(*case, seed=5) == oracle.compare(*case, seed=5)


def flipped(op: Op) -> Op:
    assert isinstance(op, Conv)
    return replace(op, weight=op.weight[:, :, ::-1].copy())


def biased(op: Op) -> Op:
    assert isinstance(op, Conv)
    return replace(op, bias=op.bias + np.int32(3 / op.scale.min()))


def doubled(op: Op) -> Op:
    assert isinstance(op, Pool) and op.scale is not None
    return replace(op, scale=op.scale * np.float32(1.5))


def clamped(op: Op) -> Op:
    return replace(op, high=op.low + 4)


@pytest.mark.parametrize(
    "kind, change", [(Conv, flipped), (Conv, biased), (Pool, doubled), (Multiply, clamped)]
)
def test_the_changed_operator_is_named(
    case: tuple[Path, Graph], kind: type[Op], change: Callable[[Op], Op]
) -> None:
    path, graph = case
    wrong = changed(graph, kind, change)
    name = next(op.name for op in graph.ops if isinstance(op, kind))
    rows = oracle.compare(path, wrong)
    assert [row.node for row in rows if row.steps > 1] == [f"node {name!r}"]
    with pytest.raises(CompileError, match=f"{path.name}: node '{name}' .* steps, expected 1"):
        oracle.check(path, wrong)


def test_a_tensor_of_another_size_than_its_value(case: tuple[Path, Graph]) -> None:
    path, graph = case
    last = graph.outputs[0]
    origins = {**graph.origins, last: Origin(graph.origins[graph.inputs[0]].value, (5,), (0,))}
    with pytest.raises(CompileError, match="has 384 values in the file"):
        oracle.compare(path, replace(graph, origins=origins))


def test_an_output_in_another_order_than_the_file_is_found(tmp_path: Path) -> None:
    """A Flatten behind a map gives channels first; what the map holds is not that."""
    net = Qdq((6, 8, 8))
    stored = net.quantised(net.conv(net.x, 8, 6, pads=[1, 1, 1, 1]), 0.05, 3)
    path = net.save(tmp_path, stored)
    graph = load(path)
    flat = Qdq((6, 8, 8))
    same = flat.quantised(flat.conv(flat.x, 8, 6, pads=[1, 1, 1, 1]), 0.05, 3)
    other = flat.save(tmp_path, flat.node("Flatten", same), "flat.int8.onnx")
    end = graph.tensors[graph.outputs[0]]
    tensors = {**graph.tensors, "flat": replace(end, name="flat", height=1, width=1, channels=512)}

    def reshaped(*move: tuple[int, ...]) -> Graph:
        op = Move(name="flat", inputs=graph.outputs, output="flat", shape=move[0], order=move[1])
        found = replace(graph, outputs=("flat",), output_names=(flat.nodes[-1].output[0],))
        return found.with_ops([*graph.ops, op], tensors)

    oracle.check(other, reshaped((64, 8), (1, 0)))
    with pytest.raises(CompileError, match="output .* differ from onnxruntime's"):
        oracle.check(other, reshaped((512,), (0,)))


def test_a_file_of_a_batch(tmp_path: Path) -> None:
    """Every picture of it is another one, and a network that mixes them is found."""
    net = Qdq((6, 8, 8))
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 6, 8, 8])
    net.inputs[0].CopyFrom(entry)
    path = net.save(tmp_path, net.quantised(net.conv(net.x, 5, 6), 0.1, 3))
    graph = load(path)
    rows = oracle.check(path, graph, count=1)
    assert next(row for row in rows if row.kind == "Conv").values == 3 * 5 * 6 * 6
    with pytest.raises(CompileError, match="differ from onnxruntime's"):
        oracle.check(path, changed(graph, Conv, flipped))


def test_a_file_that_onnxruntime_refuses(case: tuple[Path, Graph], tmp_path: Path) -> None:
    net = Qdq((6, 8, 8))
    model = net.model(net.quantised(net.conv(net.x, 8, 6)))
    foreign = helper.make_node("Nothing", [model.graph.output[0].name], ["y"], domain="of.nobody")
    model.graph.node.append(foreign)
    model.graph.output[0].name = "y"
    path = tmp_path / "foreign.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(oracle.IncomparableError, match="does not run the file"):
        oracle.compare(path, case[1])


def test_without_onnxruntime(case: tuple[Path, Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_run, "installed", lambda: False)
    with pytest.raises(oracle.IncomparableError, match="not installed"):
        oracle.check(*case)
