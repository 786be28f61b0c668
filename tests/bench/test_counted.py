"""The benchmark for aarch64: what is counted, who is chosen, what is said where something lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from .peers.candidate import Absent, Example, Sources
from .peers.counted import __main__ as counted
from .peers.counted import entries as peers_counted
from .peers.counted import guest
from .peers.counted.entries import Counted, Entry
from .peers.counted.guest import Guest
from .peers.race.contest import Faces

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
    chosen = peers_counted.best(Guest(Path("x")), same, FACES, REFERENCE, False, notes.append)
    assert chosen is not None and chosen[0].variant == "fast" and chosen[2] == 1
    assert len(notes) == 3
    assert "(wrong) void: cosine 0.000" in notes[0] and "(broken) skipped: it fell" in notes[2]
    none = peers_counted.best(Guest(Path("x")), same[2:], FACES, REFERENCE, False, notes.append)
    assert none is None


def test_only_the_file_that_we_compile_takes_its_normalisation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Guest, "version", lambda home, runtime: "1")
    monkeypatch.setattr(peers_counted.peer_ncnn, "convert", lambda path: path)
    monkeypatch.setattr(peers_counted.peer_openvino, "quantise", lambda path, calibration: path)
    files = [("exported", Path("x")), ("folded", Path("y"))]
    sources = Sources("n", files, [("QDQ", Path("z"))], None, False, tmp_path / "c.npy", tmp_path)
    notes: list[str] = []
    found = peers_counted.entries(Guest(tmp_path), sources, notes.append)
    ours = {(one.runtime, one.precision, one.arguments[0]) for one in found if one.quantised_by_us}
    assert ours == {("onnxruntime", "int8", "z"), ("openvino", "int8", "z")}
    assert {one.precision for one in found if one.runtime == "openvino"} == {
        "float32", "float16", "int8"
    }  # fmt: skip
    assert [note.split(":")[0] for note in notes] == ["litert skipped", "ncnn int8 skipped"]
    assert "is in no wheel" in notes[1]


def test_a_runtime_without_a_wheel_is_named(tmp_path: Path) -> None:
    notes: list[str] = []
    assert peers_counted.entries(Guest(tmp_path), Sources("n", [], [], None), notes.append) == []
    assert [note.split()[0] for note in notes] == ["litert", "ncnn", "onnxruntime", "openvino"]
    assert all("no wheel of" in note for note in notes)


def test_a_wheel_that_pip_refuses_is_noted_and_the_others_come(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home, asked = Guest(tmp_path), []

    def run(command: list[str]) -> None:
        asked.append(command[-1].split("==")[0])
        if asked[-1] == "openvino":
            raise Absent("ERROR: no matching distribution")

    monkeypatch.setattr(guest, "run", run)
    (home.root / "usr/bin").mkdir(parents=True)
    (home.root / "usr/bin/python3.11").touch()
    notes: list[str] = []
    home.install(tmp_path, notes.append)
    assert asked == list(guest.WHEELS.values())
    assert notes == ["openvino for aarch64 could not be installed: ERROR: no matching distribution"]


def test_the_table_has_the_fewest_instructions_first() -> None:
    row = {"network": "n", "noise": True, "variant": "v", "cycles": None, "cosine_to_float": None}
    ours = {**row, "runtime": "pocketvision", "precision": "int8", "ratio_to_ours": 1.0}
    other = {**row, "runtime": "ncnn", "precision": "float16", "ratio_to_ours": 2.0}
    text = counted.table([{**other, "instructions": 4e6}, {**ours, "instructions": 2e6}])
    lines = text.splitlines()
    assert lines[1].split()[:6] == ["n", "(noise)", "pocketvision", "int8", "2.0", "-"]
    assert lines[2].split()[:6] == ["n", "(noise)", "ncnn", "float16", "4.0", "-"]


def test_networks_that_are_counted_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"network": "facechain-25m", "noise": False, "runtime": "pocketvision", "version": None,
           "precision": "int8", "variant": "v", "instructions": 3e6, "cycles": None,
           "ratio_to_ours": 1.0, "cosine_to_float": None}  # fmt: skip
    monkeypatch.setattr(Guest, "check", lambda home: None)
    monkeypatch.setattr(counted, "rows", lambda *rest: [row])
    given = ["facechain-25m", "--work", str(tmp_path), "--out", str(tmp_path / "out"), "--resume"]
    assert counted.main(given) == 0
    monkeypatch.setattr(counted, "rows", lambda *rest: pytest.fail("it was counted already"))
    assert counted.main(given) == 0
    assert "3.0" in capsys.readouterr().out


def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guest.shutil, "which", lambda name: None if "apt" in name else name)
    home = Guest(tmp_path)
    with pytest.raises(Absent, match="no Python for aarch64 in .*run with --install"):
        home.check()
    with pytest.raises(Absent, match="apt-get is absent"):
        home.install(tmp_path, pytest.fail)
    with pytest.raises(SystemExit):
        counted.main(["x", "--work", str(tmp_path), "--envs", str(tmp_path)])
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
        Guest(tmp_path).install(tmp_path, pytest.fail)
    assert not Guest(tmp_path).root.exists()
