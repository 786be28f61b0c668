"""The pipeline: files by name, one dump per phase, and passes that leave the result as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pocketvision.compile
from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Add, Rescale

from .build_onnx import Qdq
from .graphs import inputs

PHASES = (
    "import",
    "drop_identity",
    "trim_taps",
    "fold_clamp",
    "fold_activation",
    "fuse_add",
    "split_padding",
    "sink",
)


def network(folder: Path) -> Path:
    """conv, PReLU, conv, add and a padded maximum."""
    net = Qdq((3, 8, 8), seed=4)
    x = net.quantised(net.conv(net.x, 16, 3, pads=[1, 1, 1, 1]), 0.02, 9)
    slope = net.constant(np.full((16, 1, 1), 0.25, np.float32))
    x = net.quantised(net.node("PRelu", x, slope), 0.02, -20)
    y = net.quantised(net.conv(x, 16, 16, 1), 0.05, 3)
    x = net.quantised(net.node("Add", x, y), 0.06, 3)
    x = net.quantised(
        net.node("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.06, 3
    )  # fmt: skip
    return net.save(folder, x, "tiny.int8.onnx")


def test_a_dump_for_each_phase(tmp_path: Path) -> None:
    graph = pipeline.optimise(load(network(tmp_path)), tmp_path / "dump")
    names = sorted(path.name for path in (tmp_path / "dump").iterdir())
    assert names == [f"{index}-{phase}.txt" for index, phase in enumerate(PHASES)]
    counts = []
    for name, phase in zip(names, PHASES, strict=True):
        lines = (tmp_path / "dump" / name).read_text().splitlines()
        assert lines[0] == f"# tiny after {phase}: {len(lines) - 1} operators"
        counts.append(len(lines) - 1)
    assert counts == [5, 5, 5, 5, 4, 3, 3, 3]
    for op in graph.ops:
        assert f"{op.name}: {', '.join(op.inputs)} -> {op.output} " in "\n".join(lines)


def test_passes_keep_the_result_within_a_step(tmp_path: Path) -> None:
    before = load(network(tmp_path))
    after = pipeline.optimise(before)
    assert not any(isinstance(op, Add | Rescale) for op in after.ops)
    x = inputs(np.random.default_rng(1), 4, before.tensors[before.inputs[0]])
    expected, found = (reference.run(graph, x).astype(int) for graph in (before, after))
    # A folded PReLU changes its values by up to 1; the convolution behind it sums 16 of those.
    assert np.abs(expected - found).max() <= 4
    assert np.abs(expected - found).mean() < 0.5


def test_one_file_per_member_of_a_family(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    paths = pocketvision.compile.compile_file(network(tmp_path), "x86-64", out)
    assert paths == [
        out / f"tiny.x86-64-{name}.so" for name in ("vnni", "avxvnni", "avx2", "portable")
    ]
    assert sorted(out.iterdir()) == sorted(paths)
    assert all(path.read_bytes()[:4] == b"\x7fELF" for path in paths)


def test_an_unknown_target_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="choose one of"):
        pocketvision.compile.compile_file(network(tmp_path), "pdp-11", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_was_compiled(tmp_path: Path) -> None:
    (done,) = pipeline.compile_model(network(tmp_path), "x86-64-portable", tmp_path)
    assert done.target.name == "x86-64-portable" and done.path.exists()
    assert done.plan.bytes >= done.plan.lower_bound > 8 * 8 * 16
    assert done.kernels >= len({type(op) for op in done.graph.ops})


def test_a_pass_that_breaks_the_order_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = load(network(tmp_path))
    broken = pipeline.PASSES[0]
    monkeypatch.setattr(broken, "run", lambda g: g.with_ops(list(g.ops[::-1])))
    with pytest.raises(CompileError, match="before it is written; a pass broke the order"):
        pipeline.optimise(graph)
