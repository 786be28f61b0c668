"""Measuring blocks: what a row holds, batches that stay, a board of one's own, other compilers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, CompileError
from pocketvision.compile.cost import kernels, price
from pocketvision.compile.cost.table import COMPILER, Row, Table, read, record
from pocketvision.compile.machines import measure

from ..runners import require_board

SMALL = (
    "stem/3-16/k3s2/16/relu",
    "ir/16-16/k3e1s1/8/relu/0",
    "ir/16-32/k3e3s2/8/relu/0",
    "head/32-32-16/gdc/4/relu",
)
ARM = "aarch64-dotprod"


def costs_of_nothing(chosen: list, target: object) -> list[kernels.Cost]:
    """In place of ``kernels.costs``: every kernel costs 1 instruction."""
    return [kernels.Cost(10, 1, 2.0) for _ in chosen]


@pytest.mark.qemu
def test_rows_of_aarch64(tmp_path: Path) -> None:
    table = price.price(tmp_path / "t.json", ARM, SMALL, about={"date": "today"})
    assert read(tmp_path / "t.json", ARM) == table and table.rows.keys() == set(SMALL)
    assert table.about == {"date": "today"} and table.compiler == COMPILER
    for key, row in table.rows.items():
        block = kernels.compiled(key, TARGETS[ARM])
        regions = measure.counted(block.program, TARGETS[ARM])
        pairs = zip(block.program.calls, regions, strict=True)
        own = sum(region.executed for call, region in pairs if call in block.calls)
        assert row.instructions == pytest.approx(own, abs=8 * len(block.calls)), key
        assert row.cycles is not None and 0.2 * own < row.cycles < own
        assert row.nanoseconds is None and row.arena == block.arena
        assert 0 < sum(row.code.values()) < row.flash


def test_rows_of_a_board(tmp_path: Path) -> None:
    require_board()
    table = price.price(tmp_path / "t.json", "cortex-m55", SMALL[1:2])
    (row,) = table.rows.values()
    assert row.instructions and row.cycles and row.nanoseconds is None


def test_rows_of_this_machine(tmp_path: Path) -> None:
    target = next((n for n in TARGETS if measure.native(TARGETS[n])), None)
    if target is None or measure.peak(TARGETS[target]) is None:
        pytest.skip("no target runs here")
    table = price.price(tmp_path / "t.json", target, SMALL)
    for row in table.rows.values():
        assert row.nanoseconds and row.quartiles
        assert 0 < row.quartiles[0] <= row.nanoseconds <= row.quartiles[1]


def test_copies_belong_to_the_ends_of_a_network() -> None:
    target = TARGETS["cortex-m4"]
    served = {}
    for key in SMALL:
        block = kernels.compiled(key, target)
        served[key] = [str(call.of) for call in block.calls]
        assert len(block.alone().calls) == len(block.calls)
    assert "input" in served[SMALL[0]] and "output" not in served[SMALL[0]]
    assert not {"input", "output"} & {*served[SMALL[1]], *served[SMALL[2]]}
    assert "output" in served[SMALL[3]] and "input" not in served[SMALL[3]]


def test_rows_stay_and_only_a_batch_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.json"
    asked: list[str] = []
    own = kernels.compiled

    def compiled(key: str, target: object) -> kernels.Block:
        if key == SMALL[3]:
            raise KeyboardInterrupt
        asked.append(key)
        return own(key, target)  # type: ignore[arg-type]

    monkeypatch.setattr(kernels, "costs", costs_of_nothing)
    monkeypatch.setattr(kernels, "BATCH", 4)
    monkeypatch.setattr(kernels, "compiled", compiled)
    with pytest.raises(KeyboardInterrupt):
        price.price(path, "cortex-m4", SMALL)
    kept = read(path).rows
    assert SMALL[0] in kept and SMALL[3] not in kept
    asked.clear()
    monkeypatch.setattr(kernels, "compiled", lambda *a: asked.append(a[0]) or own(*a))
    done = price.price(path, "cortex-m4", SMALL)
    assert done.rows.keys() == set(SMALL) and not set(asked) & kept.keys()
    assert {k: done.rows[k] for k in kept} == kept


def test_again_measures_what_the_table_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.json"
    old = record(Table(path, "cortex-m4", COMPILER + 1), {SMALL[1]: Row(1, 2, {}, 3)})
    monkeypatch.setattr(kernels, "costs", costs_of_nothing)
    with pytest.raises(CompileError, match=r"version .* of the compiler.*--again"):
        price.price(path, "cortex-m4", SMALL[:1])

    def ended(*_: object) -> list[kernels.Cost]:
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "costs", ended)
    with pytest.raises(KeyboardInterrupt):
        price.price(path, "cortex-m4", (), again=True)
    assert read(path, any_compiler=True).rows == old.rows, "the old rows stay until then"
    monkeypatch.setattr(kernels, "costs", costs_of_nothing)
    done = price.price(path, "cortex-m4", SMALL[:1], again=True)
    assert read(path) == done and done.rows.keys() == {SMALL[0], SMALL[1]}
    assert done.rows[SMALL[1]].instructions == 3 and done.rows[SMALL[1]].flash > 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.json"]


@pytest.mark.parametrize(
    ("target", "keys", "why"),
    [
        ("cortex-m9", SMALL, "target 'cortex-m9': a table is for one target: x86-64-vnni"),
        ("aarch64", SMALL, "target 'aarch64': a table is for one target"),
        ("cortex-m4", ("nonsense",), "key 'nonsense': expected a layer such as"),
    ],
)
def test_wrong_requests(tmp_path: Path, target: str, keys: tuple[str, ...], why: str) -> None:
    with pytest.raises(CompileError, match=why):
        price.price(tmp_path / "t.json", target, keys)
    assert not list(tmp_path.iterdir())


def test_a_table_of_another_target_is_not_filled(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    record(Table(path, "cortex-m4"), {})
    with pytest.raises(CompileError, match="holds costs on cortex-m4, not on cortex-m7"):
        price.price(path, "cortex-m7", SMALL)


# A runner as somebody writes one: it takes the library's size for nanoseconds, and says so.
RUNNER = """
import json, os, sys
path = sys.argv[-1]
assert os.path.isfile(path), path
with open({log!r}, "a") as log:
    log.write(json.dumps([path, sorted(os.listdir(os.path.dirname(path)))]) + "\\n")
print(os.path.getsize(path) / 8)
"""


def runner(folder: Path, text: str) -> str:
    script = folder / "my board.py"
    script.write_text(text)
    return f"{sys.executable} '{script}' --board 1"


@pytest.mark.qemu
@pytest.mark.parametrize(("target", "ending"), [(ARM, "so"), ("cortex-m7", "a")])
def test_a_board_of_ones_own(tmp_path: Path, target: str, ending: str) -> None:
    if TARGETS[target].firmware:
        require_board()
    log = tmp_path / "log"
    command = runner(tmp_path, RUNNER.format(log=str(log)))
    table = price.price(tmp_path / "t.json", target, SMALL[:2], runner=command)
    seen = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(seen) == 2 and all(path.endswith(f".{target}.{ending}") for path, _ in seen)
    if ending == "a":
        assert all({"block.h", "block.cortex-m7.json"} < set(files) for _, files in seen)
    for row in table.rows.values():
        assert row.nanoseconds and row.instructions is None and row.quartiles is None
        assert row.flash > sum(row.code.values()) > 0
    # Rows that are timed stay; those that were counted are timed besides.
    price.price(tmp_path / "t.json", target, SMALL[:2], runner=command)
    assert len(log.read_text().splitlines()) == 2
    counted = Row(1, 2, {"x": 1}, 3, 4)
    record(read(tmp_path / "t.json"), {SMALL[2]: counted})
    done = price.price(tmp_path / "t.json", target, SMALL[:3], runner=command).rows[SMALL[2]]
    assert done.nanoseconds and (done.instructions, done.flash) == (3, 1)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("print('12', '13')", "expected one number of nanoseconds for stem.*it printed '12 13'"),
        ("print('fast')", "it printed 'fast'"),
        ("print('nan')", "it printed 'nan'"),
        ("print(-1)", "it printed '-1'"),
        ("", "it printed ''"),
        ("import sys; sys.exit('no board')", "ended with 1 for stem.*no board"),
    ],
)
def test_runners_that_fail(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(CompileError, match=f"runner .*{why}"):
        price.price(tmp_path / "t.json", ARM, SMALL[:1], runner=runner(tmp_path, text))
    assert not (tmp_path / "t.json").exists()


@pytest.mark.qemu
def test_an_absent_runner(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="runner /nowhere/board: No such file"):
        price.price(tmp_path / "t.json", ARM, SMALL[:1], runner="/nowhere/board")
    with pytest.raises(CompileError, match="runner: expected a command"):
        price.price(tmp_path / "t.json", ARM, SMALL[:1], runner=" ")
