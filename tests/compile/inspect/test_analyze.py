"""Analyses: sums that agree with the graph and the files, what lacks, what cannot be compiled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import macs
from pocketvision.compile.inspect.analyze import AROUND, Analysis, analyze
from pocketvision.compile.inspect.analyze_text import plain

from ..build_onnx import Qdq
from ..runners import require_board
from ..test_pipeline import network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("analyze"))


def sound(found: Analysis, model: Path) -> None:
    """What every analysis must satisfy."""
    graph = pipeline.optimise(load(model))
    assert found.model == graph.name and found.macs == macs(graph) > 0
    assert {op.name for op in graph.ops} <= {layer.name for layer in found.layers}
    assert 0 < sum(layer.flash for layer in found.layers) <= found.flash_bytes
    assert all(layer.flash >= 0 and layer.arena > 0 for layer in found.layers)
    assert max(layer.arena for layer in found.layers) <= found.arena_bytes < found.ram_bytes
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["fits"] == found.fits
    text = plain(found)
    assert all(layer.name in text for layer in found.layers)


def test_a_board_that_is_large_enough(model: Path, tmp_path: Path) -> None:
    require_board()
    sizes = (16 << 10, 12 << 10)
    found = analyze(model, "cortex-m7", ram=sizes, flash=1 << 20, clock_mhz=400)
    sound(found, model)
    assert found.fits and found.missing == ()
    done = pipeline.compile_model(model, "cortex-m7", tmp_path)[0]
    assert found.arena_bytes == done.plan.bytes
    assert found.flash_bytes == json.loads(done.files[2].read_text())["bytes"]["flash"]
    assert found.instructions == sum(layer.instructions or 0 for layer in found.layers) > 1000
    if found.cycles is None:
        pytest.skip("llvm-mca-19 is absent; apt-get install llvm-19")
    assert found.milliseconds == pytest.approx(found.cycles / 400e3)
    assert "ms at 400 MHz by the model of the core" in plain(found)


def test_several_banks_hold_everything_once(model: Path) -> None:
    require_board()
    sizes = (9 << 10, 4 << 10, 2 << 10)
    found = analyze(model, "cortex-m4", ram=sizes, run=False)
    assert found.fits and len(found.bank_bytes) > 1
    assert {place.name for place in found.placement} >= set(AROUND)
    for bank, size in enumerate(sizes):
        ends = [p.offset + p.bytes for p in found.placement if p.bank == bank]
        assert max(ends, default=0) <= size
    (stack,) = (place for place in found.placement if place.name == "stack")
    assert stack.bank == 0
    assert "RAM banks: " in plain(found) and found.remarks == ("not run",)


def test_what_does_not_fit_is_said(model: Path) -> None:
    require_board()
    whole = analyze(model, "cortex-m33", run=False)
    short = whole.ram_bytes - whole.arena_bytes + 256
    found = analyze(model, "cortex-m33", ram=[short], flash=whole.flash_bytes - 7, run=False)
    assert whole.fits and not found.fits
    ram, flash = found.missing
    assert ram.startswith("RAM: ") and "bytes are missing" in ram
    assert "; in strips of rows it was not made to fit either; counted are also input buffer" in ram
    assert flash.startswith("flash: ") and flash.endswith(": 7 bytes are missing")
    text = plain(found)
    assert text.startswith("tiny for cortex-m33: does not fit\n") and ram in text and flash in text
    assert "nothing placed" in text


def test_what_fits_in_strips_is_analysed_in_strips(model: Path) -> None:
    require_board()
    whole = analyze(model, "cortex-m33", run=False)
    # Maps of eight rows spare no more than this beside what a kernel needs for itself.
    found = analyze(model, "cortex-m33", ram=[whole.ram_bytes - 48], run=False)
    assert found.fits and found.ram_bytes < whole.ram_bytes
    assert {layer.name for layer in found.layers} == {layer.name for layer in whole.layers}
    (remark,) = (text for text in found.remarks if "strips of rows" in text)
    assert f": {found.macs / whole.macs - 1:.1%} more multiply-accumulates" in remark


def test_hosts_are_analysed_without_counts(model: Path) -> None:
    found = analyze(model, "x86-64-portable")
    sound(found, model)
    assert found.instructions is None and "counted on ARM" in found.remarks[0]


def test_without_an_emulator_the_rest_is_there(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_board()
    import shutil

    which = shutil.which
    absent = "qemu-system-arm"
    monkeypatch.setattr(shutil, "which", lambda name: None if name == absent else which(name))
    found = analyze(model, "cortex-m55", clock_mhz=100)
    sound(found, model)
    assert found.instructions is None and found.milliseconds is None
    assert "apt-get install qemu-system-arm" in found.remarks[0]


def test_unsupported_operators_are_named(tmp_path: Path) -> None:
    net = Qdq((3, 8, 8), seed=4)
    x = net.quantised(net.conv(net.x, 16, 3, pads=[1, 1, 1, 1]), 0.02, 9)
    path = net.save(tmp_path, net.quantised(net.node("Det", x), 0.02, 0), "odd.int8.onnx")
    with pytest.raises(CompileError, match=r"odd\.int8\.onnx: unsupported operator at node .*"
                       r"\(Det\); supported: "):  # fmt: skip
        analyze(path, "cortex-m7")


def test_one_target_is_asked_for(model: Path) -> None:
    with pytest.raises(CompileError, match="expected one target, such as one of cortex-m4, cor"):
        analyze(model, "cortex-m")
