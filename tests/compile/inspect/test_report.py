"""Reports: numbers that agree with the graph and each other, a page that stands alone."""

from __future__ import annotations

import json
import re
import shutil
import signal
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import macs
from pocketvision.compile.inspect.report import report
from pocketvision.compile.inspect.report_data import Report
from pocketvision.compile.inspect.report_html import page
from pocketvision.compile.inspect.report_text import BAR, plain
from pocketvision.compile.machines import measure

from ..runners import Machines
from ..test_pipeline import network

ROUNDS = 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conv, PReLU, conv, add and a padded maximum."""
    return network(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def timed(model: Path, machines: Machines) -> Report:
    """For the best target of this machine."""
    return report(model, machines.best(), rounds=ROUNDS)


@pytest.fixture(scope="module")
def counted(model: Path) -> Report:
    """For aarch64, in QEMU."""
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is absent")
    return report(model, "aarch64", emulate=True)


def check(done: Report, model: Path) -> None:
    """What every report must satisfy."""
    graph = pipeline.optimise(load(model))
    assert done.model == graph.name and done.source_sha256 == graph.sha256
    assert done.total.macs == sum(row.macs for row in done.operators) == macs(graph) > 0
    for rows in (done.operators, done.kinds):
        assert sum(row.share for row in rows) == pytest.approx(100)
        assert sum(row.macs for row in rows) == done.total.macs
    assert sum(kind.operators for kind in done.kinds) == len(done.operators)
    assert {op.name for op in graph.ops} <= {row.name for row in done.operators}
    for row in (*done.operators, *done.kinds, done.total):
        assert row.cost >= 0 and row.peak >= 0 and (row.peak > 0) == (row.macs > 0 < row.cost)
    assert done.arena_bytes > 0 and done.constants_bytes > 0 and done.calls >= done.kernels > 0
    assert json.loads(json.dumps(done.to_dict(), allow_nan=False))["model"] == graph.name


def test_times_agree(timed: Report, model: Path) -> None:
    check(timed, model)
    assert timed.unit == "microseconds" and "GMAC/s" in timed.peak
    for row in (*timed.operators, *timed.kinds, timed.total):
        assert row.lower is not None and row.upper is not None and row.cycles is None
        assert row.lower <= row.cost <= row.upper
    assert 0 < timed.total.peak < 100


@pytest.mark.qemu
def test_counts_agree(counted: Report, model: Path) -> None:
    check(counted, model)
    assert counted.target == "aarch64-i8mm" and counted.unit == "executed instructions"
    assert counted.total.cost == sum(row.cost for row in counted.operators)
    reached = 100 * counted.total.macs / (32 * counted.total.cost)
    assert counted.total.peak == pytest.approx(reached) and reached < 100
    assert all(row.lower is None and row.upper is None for row in counted.operators)
    assert report(model, "aarch64-i8mm", emulate=True) == counted


@pytest.mark.qemu
def test_cycles_are_called_modelled(counted: Report) -> None:
    if shutil.which("llvm-mca-19") is None:
        pytest.skip("llvm-mca-19 is absent; apt-get install llvm-19")
    assert all(row.cycles is not None and row.cycles > 0 for row in counted.operators)
    assert counted.total.cycles == pytest.approx(sum(row.cycles or 0 for row in counted.operators))
    assert "modelled cycles" in plain(counted) and "latency" not in plain(counted)


@pytest.mark.qemu
def test_without_llvm_cycles_are_left_out(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    absent = {"llvm-mc-19", "llvm-mc"}
    monkeypatch.setattr(shutil, "which", lambda name: None if name in absent else which(name))
    done = report(model, "aarch64-neon", emulate=True)
    assert done.total.cycles is None and "apt-get install llvm-19" in done.remarks[0]


def test_kinds_and_what_is_fused_in(timed: Report) -> None:
    kinds = {row.name: (row.kind, row.fused, row.shape) for row in timed.operators}
    found = list(kinds.values())
    assert ("conv 3x3", "activation", (8, 8, 16)) in found
    assert ("conv 1x1", "add", (8, 8, 16)) in found
    assert ("max pool 3x3", "", (8, 8, 16)) in found
    assert ("border", "", None) in found
    assert kinds["input"] == ("input copy", "", (8, 8, 3))
    assert kinds["output"][0] == "output copy"


@pytest.mark.parametrize("which", ["timed", "counted"])
def test_the_page_stands_alone(which: str, request: pytest.FixtureRequest) -> None:
    done: Report = request.getfixturevalue(which)
    text = page(done, {"processor": 'a <b> & "c"'})
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    tags = {element.tag for element in root.iter()}
    assert not tags & {"link", "img", "iframe", "object"} and {"style", "script"} <= tags
    assert not any({"src", "href"} & set(element.attrib) for element in root.iter())
    assert "prefers-color-scheme: dark" in text
    bodies = root.findall(".//tbody")
    sizes = [len(done.kinds), len(done.unaccelerated), len(done.operators)]
    assert [len(body) for body in bodies] == sizes
    for table in root.findall(".//table"):
        assert len({len(row) for row in table.iter("tr")}) == 1
    bars = [div.attrib["style"] for div in root.findall(".//td/div")]
    assert len(bars) == sum(sizes) and bars.count("width: 100.0%") >= 2
    names = [row[0].text for row in bodies[2]]
    assert names == [operator.name for operator in done.operators]
    assert any('a <b> & "c"' in (p.text or "") for p in root.findall(".//p"))


def test_the_text_is_aligned(timed: Report) -> None:
    lines = plain(timed).splitlines()
    start = lines.index("Kinds of operators") + 1
    table = lines[start : start + len(timed.kinds) + 1]
    ends = {len(line.rstrip("█ ")) for line in table}
    assert len(ends) == 1 and all(line.startswith("  ") for line in table)
    assert max(line.count("█") for line in table) == BAR


def test_an_unknown_target_lists_what_there_is(model: Path) -> None:
    with pytest.raises(CompileError, match="'z80' is unknown; choose one of x86-64-vnni"):
        report(model, "z80")


def test_a_bad_model_names_the_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no protobuf")
    with pytest.raises(CompileError, match=r"bad\.onnx"):
        report(bad)


def test_one_round_has_no_quartiles(model: Path) -> None:
    with pytest.raises(CompileError, match="rounds: expected at least 2, got 1"):
        report(model, rounds=1)


def test_a_processor_without_the_instructions(
    model: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop of dot products dies of an illegal instruction before any kernel runs."""
    died = SimpleNamespace(returncode=-signal.SIGILL, stdout="")
    monkeypatch.setattr(measure, "built", lambda *_: Path("peak"))
    monkeypatch.setattr(measure.subprocess, "run", lambda *_, **__: died)
    with pytest.raises(CompileError, match="this processor lacks its instructions"):
        report(model, machines.best())


def test_the_affinity_returns() -> None:
    before = measure.os.sched_getaffinity(0)
    with measure.pinned():
        assert measure.os.sched_getaffinity(0) == {max(before)}
    assert measure.os.sched_getaffinity(0) == before


def test_every_target_has_a_peak() -> None:
    for name, target in TARGETS.items():
        assert bool(target.peak) == (not target.firmware), name
        assert bool(target.products) == (not name.startswith("x86")), name
