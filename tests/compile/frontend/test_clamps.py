"""Clamps at and beyond the ends of what int8 holds, and sums that int32 does not: as the file says.

Kernels of different targets once gave three different results for an interval outside of int8.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load

from ..build_onnx import Qdq, run_onnxruntime
from ..graphs import inputs
from ..runners import Machines

TARGETS_OF_EACH_KIND = (
    *("x86-64-vnni", "x86-64-avx2", "x86-64-portable", "aarch64-dotprod", "aarch64-i8mm"),
    *("cortex-m4", "cortex-m55"),
)
SCALE = 0.05
Make = Callable[[Qdq], str]


def clip(net: Qdq, x: str, low: float | None, high: float | None) -> str:
    ends = ["" if end is None else net.constant(np.float32(end)) for end in (low, high)]
    return net.node("Clip", x, *ends)


def conv(net: Qdq) -> str:
    return net.conv(net.x, 8, 6, 3, pads=[1, 1, 1, 1])


CASES: dict[str, tuple[Make, int]] = {
    "above all": (lambda net: clip(net, conv(net), 50.0, 60.0), 0),
    "below all": (lambda net: clip(net, conv(net), -60.0, -50.0), 0),
    "above all, on its own": (lambda net: clip(net, net.quantised(conv(net)), 50.0, 60.0), 18),
    "minimum above maximum": (lambda net: clip(net, conv(net), 2.0, -1.0), 0),
    "relu before 127": (lambda net: net.node("Relu", conv(net)), 127),
    "relu before -128": (lambda net: net.node("Relu", conv(net)), -128),
    "clip, then relu": (lambda net: net.node("Relu", clip(net, conv(net), -3.0, -2.0)), 5),
    "relu, then clip": (lambda net: clip(net, net.node("Relu", conv(net)), -3.0, -2.0), 5),
    "one value": (lambda net: clip(net, conv(net), 1.0, 1.0), -4),
    "no upper end": (lambda net: clip(net, conv(net), 3.0, None), 120),
    "infinite ends": (lambda net: clip(net, conv(net), -np.inf, np.inf), 3),
    "behind an add": (lambda net: clip(net, net.node("Add", net.x, net.x), 40.0, 70.0), 0),
    "behind an average": (
        lambda net: clip(net, net.node("GlobalAveragePool", net.x), 40.0, 70.0), 0,
    ),
}  # fmt: skip


def file_of(make: Make, zero: int, folder: Path) -> Path:
    net = Qdq((6, 5, 5))
    return net.save(folder, net.quantised(make(net), SCALE, zero))


@pytest.mark.parametrize("case", CASES)
def test_meaning(case: str, tmp_path: Path) -> None:
    path = file_of(*CASES[case], tmp_path)
    graph = load(path)
    x = inputs(np.random.default_rng(1), 6, graph.tensors[graph.inputs[0]])
    found = reference.run(pipeline.optimise(graph), x).astype(int)
    wanted = run_onnxruntime(path, graph, x).astype(int)
    assert np.abs(found - wanted).max() <= 1


@pytest.mark.parametrize("target", TARGETS_OF_EACH_KIND)
def test_bytes(target: str, machines: Machines, tmp_path: Path) -> None:
    for case in CASES if not target.startswith("cortex") else ("above all", "relu before 127"):
        graph = pipeline.optimise(load(file_of(*CASES[case], tmp_path)))
        x = inputs(np.random.default_rng(1), 4, graph.tensors[graph.inputs[0]])
        machines.check(graph, target, x)


def test_a_bound_that_is_no_number(tmp_path: Path) -> None:
    path = file_of(lambda net: clip(net, conv(net), float("nan"), 1.0), 0, tmp_path)
    with pytest.raises(CompileError, match=r"small.int8.onnx: node .* \(Clip\): a bound is NaN"):
        load(path)


def test_accumulators_beyond_int32(tmp_path: Path) -> None:
    net = Qdq((300_000, 1, 1))
    y = net.node("Conv", net.x, net.weight((3, 300_000, 1, 1)), kernel_shape=[1, 1], name="tall")
    path = net.save(tmp_path, net.quantised(y, 0.05, 2))
    with pytest.raises(CompileError, match=r"node 'tall' \(Conv\): its accumulators can reach"):
        load(path)


def test_sums_of_a_window_beyond_int32(tmp_path: Path) -> None:
    net = Qdq((1, 3000, 3000))
    path = net.save(tmp_path, net.quantised(net.node("GlobalAveragePool", net.x, name="all"), 0.05))
    with pytest.raises(CompileError, match=r"node 'all' .*overflows int32"):
        load(path)


def test_the_largest_accumulators_are_taken(tmp_path: Path, machines: Machines) -> None:
    """Up to the ends of int32: whatever order a kernel sums in, its result is right."""
    net = Qdq((64, 2, 2), zero=-128)
    y = net.conv(net.x, 8, 64, 1, bias=False)
    path = net.save(tmp_path, net.quantised(y, 0.4, 2))
    model = onnx.load(path)
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if values.dtype == np.int8 and values.ndim == 4:
            constant.CopyFrom(numpy_helper.from_array(np.full_like(values, -127), constant.name))
    onnx.save(model, path)
    graph = pipeline.optimise(load(path))
    x = np.full((1, 2, 2, 64), 127, np.int8)
    machines.check(graph, machines.best(), x)
