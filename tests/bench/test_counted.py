"""The benchmark for aarch64: what is counted, who is chosen, what is said where something lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pocketvision.benchmarks import counted, guest, peers_counted
from pocketvision.benchmarks.candidate import Absent, Example
from pocketvision.benchmarks.contest import Faces
from pocketvision.benchmarks.guest import Guest
from pocketvision.benchmarks.peers_counted import Counted, Entry

FACE = Example(np.zeros((2, 2, 3), np.uint8), np.zeros((1, 3, 2, 2), np.float32))
FACES = Faces([FACE], [FACE])
REFERENCE = np.array([1.0, 0.0])

PROGRAM = """
void mark(void);
int main(void) {
  mark();
  mark();
  for (int i = 0; i < 1000; i++) __asm__ volatile("nop");
  mark();
  return 0;
}
"""


def entry(variant: str, precision: str = "float32") -> Entry:
    return Entry("ncnn", precision, variant, (variant,))


def test_marks_bound_what_is_counted(tmp_path: Path) -> None:
    from pocketvision.compile.machines.instructions import MARKS, count

    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is absent; apt-get install gcc-aarch64-linux-gnu qemu-user")
    home = Guest(tmp_path)
    library, source, program = home.mark(), tmp_path / "main.c", tmp_path / "main"
    assert home.mark() == library
    source.write_text(PROGRAM)
    command = ["aarch64-linux-gnu-gcc", str(source), str(library), "-o", str(program)]
    subprocess.run(command, check=True)
    emulator = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
    nothing, loop = count(emulator, [str(program)], MARKS["aarch64"])
    assert 0 < nothing.executed < 1000
    assert 2000 < loop.executed - nothing.executed < 12000


def test_the_right_one_with_the_fewest_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {
        "slow": Counted(9, None, np.array([1.0, 0.1], np.float32)),
        "fast": Counted(5, None, np.array([1.0, 0.0], np.float32)),
        "wrong": Counted(2, None, np.array([0.0, 1.0], np.float32)),
        "nan": Counted(1, None, np.array([np.nan, 1.0], np.float32)),
    }

    def count_entry(home: Guest, one: Entry, face: Example, cycles: bool = False) -> Counted:
        if one.variant == "broken":
            raise Absent("it fell over")
        return found[one.variant]

    monkeypatch.setattr(peers_counted, "count_entry", count_entry)
    notes: list[str] = []
    same = [entry(variant) for variant in (*found, "broken")]
    chosen = peers_counted.best(Guest(Path("x")), same, FACES, REFERENCE, 0.9, notes.append)
    assert chosen is not None and chosen[0].variant == "fast" and chosen[2] == 1
    assert len(notes) == 3
    assert "(wrong) void: cosine 0.000" in notes[0] and "(broken) skipped: it fell" in notes[2]
    none = peers_counted.best(Guest(Path("x")), same[2:], FACES, REFERENCE, 0.9, notes.append)
    assert none is None


def test_only_the_file_that_we_compile_takes_its_normalisation() -> None:
    assert Entry("onnxruntime", "int8", "QDQ", ()).quantised_by_us
    assert not Entry("onnxruntime", "float32", "folded", ()).quantised_by_us
    assert not Entry("litert", "int8", "folded", ()).quantised_by_us


def test_the_table_has_the_fewest_instructions_first() -> None:
    row = {"network": "n", "noise": True, "variant": "v", "cycles": None, "cosine_to_float": None}
    ours = {**row, "runtime": "pocketvision", "precision": "int8", "ratio_to_ours": 1.0}
    other = {**row, "runtime": "ncnn", "precision": "float16", "ratio_to_ours": 2.0}
    text = counted.table([{**other, "instructions": 4e6}, {**ours, "instructions": 2e6}])
    lines = text.splitlines()
    assert lines[1].split()[:6] == ["n", "(noise)", "pocketvision", "int8", "2.0", "-"]
    assert lines[2].split()[:6] == ["n", "(noise)", "ncnn", "float16", "4.0", "-"]


def test_other_networks_of_the_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "aarch64.json"
    counted.write([{"network": "a", "instructions": 1}, {"network": "b", "instructions": 2}], path)
    counted.write([{"network": "a", "instructions": 3}], path)
    rows = counted.report.read_json(path)
    assert {row["network"]: row["instructions"] for row in rows} == {"a": 3, "b": 2}


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guest.shutil, "which", lambda name: None if "apt" in name else name)
    home = Guest(tmp_path)
    with pytest.raises(Absent, match="no Python for aarch64 in .*run with --install"):
        home.check()
    with pytest.raises(Absent, match="apt-get is absent"):
        home.install(tmp_path)
    with pytest.raises(SystemExit):
        counted.main(["--networks", "x", "--work", str(tmp_path), "--envs", str(tmp_path)])
    assert "run with --install" in capsys.readouterr().err
    monkeypatch.setattr(guest.shutil, "which", lambda name: None)
    with pytest.raises(Absent, match="qemu-aarch64 is absent"):
        home.check()
    with pytest.raises(Absent, match="aarch64-linux-gnu-gcc is absent"):
        home.mark()


def test_a_failed_fetch_leaves_no_half_a_guest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(command: list[str]) -> None:
        raise Absent("E: no route")

    monkeypatch.setattr(guest, "run", refuse)
    monkeypatch.setattr(guest.shutil, "which", lambda name: name)
    with pytest.raises(Absent, match="no route"):
        Guest(tmp_path).install(tmp_path)
    assert not Guest(tmp_path).root.exists()
