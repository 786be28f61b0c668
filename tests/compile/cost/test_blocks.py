"""Blocks by their keys: what they are made of, and that they compile as the quantiser's files."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from pocketvision.compile import TARGETS, CompileError
from pocketvision.compile.cost import blocks, keys, space
from pocketvision.compile.cost.keys import Head, Residual, Stem
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Conv, Graph
from pocketvision.compile.pipeline import lowered, optimise
from pocketvision.compile.tiles import table as tiles

WEIGHTS = Path(__file__).resolve().parents[3] / "training/weights"

FACECHAIN_25M = (
    "stem/3-16/k3s2/112/relu",
    "ir/16-16/k3e2s2/56/relu/0",
    *["ir/16-16/k3e2s1/28/relu/0"] * 4,
    "ir/16-32/k3e3s2/28/relu/0",
    *["ir/32-32/k3e3s1/14/relu/0"] * 7,
    "ir/32-64/k3e3s2/14/relu/0",
    *["ir/64-64/k3e3s1/7/relu/0"] * 3,
    "head/64-208-128/gdc/7/relu",
)


def graph_of(layers: tuple[str, ...], folder: Path) -> Graph:
    """The optimised graph of a network of these keys."""
    path = folder / "blocks.int8.onnx"
    model = blocks.network(layers)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return optimise(load(path))


def test_keys_are_read() -> None:
    assert keys.parse("stem/3-16/k3s2/112/relu") == Stem(3, 16, 3, 2, 112, "relu")
    layer = keys.parse("ir/16-24/k5e6s1/28/swish/0.25")
    assert layer == Residual(16, 24, 5, 6, 1, 28, "swish", 0.25)
    assert isinstance(layer, Residual) and layer.hidden == 96 and not layer.added
    assert keys.parse("head/128-512-64/mean/7/prelu") == Head(128, 512, 64, "mean", 7, "prelu")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("ir/16-24", "expected a layer such as stem/3-16"),
        ("block/16-24/k3e3s2/56/relu/0", "expected a layer such as"),
        ("ir/16-24/k3e3s2/56/relu/1.5", "expected a layer such as"),
        ("ir/16-24/k3e3s2/56/gelu/0", "activation 'gelu': expected one of relu"),
        ("ir/16-24/k4e3s2/56/relu/0", "kernel 4: expected an odd number"),
        ("ir/16-24/k7e3s1/5/relu/0", "kernel 7: expected an odd number up to"),
        ("ir/0-24/k3e3s2/56/relu/0", "expected numbers from 1"),
        ("ir/16-99999/k3e3s2/56/relu/0", "expected numbers from 1 to 4096"),
    ],
)
def test_what_is_no_key(key: str, why: str) -> None:
    with pytest.raises(CompileError, match=why):
        keys.parse(key)


def test_files_of_keys() -> None:
    text = "# mine\nstem/3-16/k3s2/112/relu  # once\n\nstem/3-16/k3s2/112/relu\n"
    assert keys.read(text) == ["stem/3-16/k3s2/112/relu"]
    with pytest.raises(CompileError, match="line 2: key 'x'"):
        keys.read("# one\nx\n")
    with pytest.raises(CompileError, match="got none"):
        keys.read("# nothing\n")


def test_the_committed_space_is_of_keys_each_once() -> None:
    found = space.faces()
    assert len(found) == len(set(found)) and {type(keys.parse(key)) for key in found} == {
        Stem, Residual, Head,
    }  # fmt: skip
    assert {len(space.faces(activation)) for activation in keys.ACTIVATIONS} == {len(found)}


@pytest.mark.parametrize("activation", keys.ACTIVATIONS)
@pytest.mark.parametrize("squeeze", ["0", "0.25"])
@pytest.mark.parametrize("expansion", [1, 3])
def test_every_form_compiles(activation: str, squeeze: str, expansion: int, tmp_path: Path) -> None:
    layers = (
        f"stem/3-16/k3s2/32/{activation}",
        f"ir/16-16/k3e{expansion}s1/16/{activation}/{squeeze}",
        f"ir/16-32/k5e{expansion}s2/16/{activation}/{squeeze}",
        f"head/32-48-16/{'mean' if expansion == 1 else 'gdc'}/8/{activation}",
    )
    graph = graph_of(layers, tmp_path)
    convolutions = [op for op in graph.ops if isinstance(op, Conv)]
    own = 1 + 2 * (2 if expansion == 1 else 3) + (2 if expansion == 1 else 3)
    assert len(convolutions) == own + (4 if squeeze != "0" else 0)
    assert sum(op.add is not None for op in convolutions) == 1, "the sum is fused"
    assert graph.tensors[graph.outputs[0]].shape == (1, 1, 16)
    for name in ("cortex-m7", "cortex-m55", "aarch64-dotprod", "x86-64-vnni"):
        assert lowered(graph, TARGETS[name]).calls


def test_layers_that_do_not_follow_each_other() -> None:
    with pytest.raises(CompileError, match="expected 32 channels of 28 pixels.*16 of 56"):
        blocks.network(("stem/3-16/k3s2/112/relu", "ir/32-32/k3e3s1/28/relu/0"))
    with pytest.raises(CompileError, match="got none"):
        blocks.network(())


def words(shape: object) -> str:
    """A kernel's shape without the shift of its factors, which is a number in its code."""
    text = tiles.key(shape)
    head, fixed, tail = text.partition("fixed ")
    return head + fixed + (tail.lstrip("0123456789") if tail[:1] != "0" else tail)


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55", "aarch64-dotprod", "x86-64-vnni"])
def test_kernels_are_those_of_a_file_of_our_quantiser(target: str, tmp_path: Path) -> None:
    shipped = optimise(load(WEIGHTS / "facechain-25m.int8.onnx"))
    ours = graph_of(FACECHAIN_25M, tmp_path)
    chosen = TARGETS[target]
    found = [
        [words(program.kernels[call.kernel]) for call in program.calls]
        for program in (lowered(shipped, chosen), lowered(ours, chosen))
    ]
    assert found[0] == found[1]
