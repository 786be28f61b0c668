"""The search for tiles: what may win, what a table must be, and that a build with one is exact."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision.compile import TARGETS, CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Conv, Graph
from pocketvision.compile.kernels.conv.shape import ConvShape
from pocketvision.compile.kernels.epilogue import Product
from pocketvision.compile.kernels.rescale.shape import WordsShape
from pocketvision.compile.kernels.tile import OWN, Tile
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.lower.program import Program
from pocketvision.compile.tiles import table as tiles
from pocketvision.compile.tiles.candidates import candidates, misfit
from pocketvision.compile.tiles.table import Entry
from pocketvision.compile.tune import trial, tune

from ..build_onnx import Qdq
from ..graphs import Builder, inputs
from ..runners import Machines

ARM = "aarch64-dotprod"
FEW = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """conv 3x3, depthwise 3x3, conv 1x1: three shapes."""
    net = Qdq((3, 9, 10), seed=5)
    x = net.quantised(net.conv(net.x, 24, 3, pads=[1, 1, 1, 1]), 0.02, 9)
    x = net.quantised(net.conv(x, 24, 24, group=24, pads=[1, 1, 1, 1]), 0.02, 1)
    x = net.quantised(net.conv(x, 40, 24, 1), 0.05, 3)
    return net.save(tmp_path_factory.mktemp("tune"), x, "three.int8.onnx")


@pytest.fixture(scope="module")
def grouped() -> Graph:
    """Every template with a choice: dense, grouped both ways, depthwise, with what is fused in."""
    build = Builder(8, (11, 13, 3))
    x = build.conv("input", 32, (3, 3), stride=(1, 2), pads=(1, 1, 1, 1), two_scales=True)
    y = build.conv(x, 64, (1, 1), like=x)
    y = build.conv(y, 64, (3, 3), groups=32, pads=(1, 1, 1, 1))
    y = build.conv(y, 128, (1, 1), groups=2)
    y = build.conv(y, 32, (1, 1), add=x)
    y = build.depthwise(y, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    y = build.depthwise(y, (5, 5), stride=(2, 2), pads=(2, 2, 2, 2))
    return build.graph(build.conv(y, 24, (1, 1)))


TUNABLE = [name for name, t in TARGETS.items() if pipeline.instruction_set(t).tiles]


def programs(graph: Graph, target: str) -> Program:
    return lower(graph, pipeline.instruction_set(TARGETS[target]))


Pick = Callable[[Any, Any], Tile]
"""A tile for an instruction set and a shape."""


def last_of_grid(isa: Any, shape: Any) -> Tile:
    """The candidate that is furthest from the template's own."""
    return candidates(isa, shape, 100)[-1]


def fitting(draw: random.Random) -> Pick:
    """Any tile that ``misfit`` lets through."""

    def pick(isa: Any, shape: Any) -> Tile:
        names = [f.name for f in fields(Tile) if misfit(isa, shape, Tile(**{f.name: 1})) is None]
        while True:
            chosen = {name: 1 << draw.randrange(10) | draw.randrange(8) for name in names}
            tile = Tile(**{name: n for name, n in chosen.items() if n and draw.random() < 0.8})
            if tile != OWN and misfit(isa, shape, tile) is None:
                return tile

    return pick


def table_of(graph: Graph, target: str, path: Path, pick: Pick) -> Path:
    """A table that gives every shape of ``graph`` the tile that ``pick`` takes."""
    program = programs(graph, target)
    table = tiles.Table(path, target)
    for name, work in tune.shapes(program).items():
        isa = program.isa
        entry = Entry(pick(isa, work.shape), 2.0, 1.0, tiles.INSTRUCTIONS)
        table = tiles.record(table, name, entry)
    return path


def check(done: tune.Tuned, model: Path, table: Path) -> None:
    """What every result must satisfy."""
    stored = json.loads(table.read_text())
    assert stored["target"] == done.target
    assert stored["kernels"].keys() == {row.kernel for row in done.rows}
    assert len(done.rows) == done.near + sum(row.default > 1.3 * row.tuned for row in done.rows)
    assert sum(row.calls for row in done.rows) == 3 and "three" not in table.read_text()
    for row in done.rows:
        assert 0 < row.tuned <= row.default
        assert (row.tile == "default") == (row.tuned == row.default)
        assert stored["kernels"][row.kernel]["unit"] == done.unit
    assert done.tuned == sum(row.tuned for row in done.rows) <= done.default
    assert json.loads(json.dumps(done.to_dict(), allow_nan=False))["near"] == done.near


@pytest.mark.qemu
@pytest.mark.parametrize("cost", ["instructions", "cycles"])
def test_search_by_counting(model: Path, tmp_path: Path, cost: str) -> None:
    table = tmp_path / "new" / "t.json"
    if cost == "cycles" and shutil.which("llvm-mca-19") is None:
        pytest.skip("llvm-mca-19 is absent; apt-get install llvm-19")
    (done,) = tune.tune([model], ARM, cost=cost, table=table, most=FEW)
    check(done, model, table)
    assert done.unit == tune.COSTS[cost]
    (again,) = tune.tune([model], ARM, cost=cost, table=table, most=FEW, again=True)
    assert again == done, "counts have no noise"


def test_search_by_time(model: Path, machines: Machines, tmp_path: Path) -> None:
    target = machines.best()
    (done,) = tune.tune([model], target, table=tmp_path / "t.json", most=FEW, rounds=20)
    check(done, model, tmp_path / "t.json")
    assert (done.target, done.unit) == (target, tiles.TIME)


def scripted(monkeypatch: pytest.MonkeyPatch, costs: dict[str, float], wrong: str = "") -> None:
    """Counts ``costs`` by tile (others 100); the tile ``wrong`` leaves other bytes."""

    def counted(program: Program, *_: Any) -> list[trial.Outcome]:
        tiles = [str(program.kernels[call.kernel].tile) for call in program.calls]
        return [trial.Outcome(costs.get(tile, 100.0), tile != wrong) for tile in tiles]

    monkeypatch.setattr(trial, "counted", counted)


def test_other_bytes_never_win(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {"rows 3": 10.0, "rows 2": 50.0}, wrong="rows 3")
    (done,) = tune.tune([model], ARM, cost="instructions", table=tmp_path / "t.json")
    tiles = {row.words.partition(" ")[0]: (row.tile, row.tuned) for row in done.rows}
    assert tiles == {"depthwise": ("rows 2", 50.0), "conv": ("default", 100.0)}


def test_a_tile_wins_by_more_than_the_margin(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {"rows 2": 97.5})
    for cost, expected in (("cycles", "default"), ("instructions", "rows 2")):
        table = tmp_path / f"{cost}.json"
        (done,) = tune.tune([model], ARM, cost=cost, table=table)
        assert {row.tile for row in done.rows} == {"default", expected}


def test_the_best_time_has_to_win_twice(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machines: Machines
) -> None:
    """A candidate that was lucky in the first contest."""
    target = machines.best()

    def timed(program: Program, *_: Any) -> Callable:
        def contest(which: Any) -> list[trial.Outcome]:
            lucky = len(which) > 2
            return [trial.Outcome(50.0 if lucky and i == 1 else 100.0, True) for i in which]

        return contest

    monkeypatch.setattr(trial, "timed", timed)
    (done,) = tune.tune([model], target, cost="time", table=tmp_path / "t.json")
    assert {row.tile for row in done.rows} == {"default"}


def test_an_interrupted_search_goes_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, search, seen = tmp_path / "t.json", tune.search, []

    def interrupted(program: Program, target: Any, work: tune.Work, *rest: Any) -> Entry:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(tiles.key(work.shape))
        return search(program, target, work, *rest)

    scripted(monkeypatch, {})
    monkeypatch.setattr(tune, "search", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tune.tune([model], ARM, table=table)
    assert list(json.loads(table.read_text())["kernels"]) == sorted(seen)
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
    first = seen.copy()
    seen.clear()
    (done,) = tune.tune([model], ARM, table=table)
    assert {row.kernel for row in done.rows} == {*first, *seen} and not set(first) & set(seen)
    seen.clear()
    tune.tune([model, model], ARM, table=table)
    assert seen == []
    with pytest.raises(KeyboardInterrupt):
        tune.tune([model], ARM, table=table, again=True)


def test_an_entry_of_another_cost_is_searched_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {})
    for cost in ("instructions", "cycles"):
        (done,) = tune.tune([model], ARM, cost=cost, table=tmp_path / "t.json")
        check(done, model, tmp_path / "t.json")


@pytest.mark.parametrize("which", ["native", pytest.param("counted", marks=pytest.mark.qemu)])
def test_other_bytes_are_seen(grouped: Graph, which: str, machines: Machines) -> None:
    """The last bit of one weight is enough."""
    target = TARGETS[machines.best() if which == "native" else ARM]
    program = programs(grouped, target.name)
    op = next(op for op in grouped.ops if isinstance(op, Conv) and op.groups == 1)
    weight = op.weight.copy()
    weight[-1, -1, -1, -1] ^= 1
    contest = trial.program_of(program, op, [OWN, OWN])
    trial.lower_op(contest, replace(op, weight=weight, bias=op.bias))
    assert len({call.arguments for call in contest.calls}) == 2
    if which == "native":
        outcomes = trial.timed(contest, target, 3)(range(3))
    else:
        outcomes = trial.counted(contest, target, tiles.INSTRUCTIONS)
    assert [outcome.same for outcome in outcomes] == [True, True, False]
    assert outcomes[0].cost > 0


@pytest.mark.parametrize("target", TUNABLE)
@pytest.mark.parametrize("chosen", ["last", 1, 2])
def test_a_build_with_a_table_is_exact(
    target: str, chosen: str | int, grouped: Graph, machines: Machines, tmp_path: Path
) -> None:
    """Of the grid, and any that ``misfit`` lets through: a table may be written by hand."""
    machines.require(TARGETS[target])
    pick = fitting(random.Random(chosen)) if isinstance(chosen, int) else last_of_grid
    table = table_of(grouped, target, tmp_path / "t.json", pick)
    x = inputs(np.random.default_rng(1), 2, grouped.tensors[grouped.inputs[0]])
    expected = reference.run(grouped, x)
    files = []
    for folder in ("first", "a longer second"):
        path = tmp_path / folder / "m.so"
        pipeline.compile_graph(grouped, TARGETS[target], path, table=table)
        machines.compare(path, grouped, target, x, expected)
        files.append(path.read_bytes())
    assert files[0] == files[1]
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"format": tiles.FORMAT, "target": target, "kernels": {}}))
    own = pipeline.compile_graph(grouped, TARGETS[target], tmp_path / "own.so", table=empty)
    assert own.path.read_bytes() != files[0], "the table has no effect"


def test_a_target_without_tiles(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="cortex-m7: its kernels take no tiles; tune one of x86"):
        tune.tune([tmp_path / "m.onnx"], "cortex-m7", cost="instructions")


def test_every_candidate_fits_and_the_first_is_the_templates_own(grouped: Graph) -> None:
    for target in TUNABLE:
        program = programs(grouped, target)
        for work in tune.shapes(program).values():
            isa = program.isa
            grid = candidates(isa, work.shape, 100)
            assert grid[0] == OWN and len(set(grid)) == len(grid) > 1
            assert [misfit(isa, work.shape, tile) for tile in grid] == [None] * len(grid)
            assert candidates(isa, work.shape, 2) == grid[:2]


def test_a_key_tells_shapes_apart_by_every_field_but_the_tile(grouped: Graph) -> None:
    program = programs(grouped, ARM)
    for work in tune.shapes(program).values():
        shape = work.shape
        other = {
            "x": replace(shape.x, pixel=shape.x.pixel + 16),
            "y": replace(shape.y, row=shape.y.row + 16),
            "kernel": (9, 9),
            "stride": (3, 1),
            "activation": not shape.activation,
            "other": None if shape.other else shape.y,
            "rounding": replace(shape.rounding, wide=not shape.rounding.wide),
        }
        if isinstance(shape, ConvShape):
            other["reads"] = replace(shape.reads, share=shape.reads.share + 1)
            other["prologue"] = WordsShape(shape.x, shape.x, Product(0, plus=False), False)
            other["single"] = not shape.single
        assert {"tile", *other} == {place.name for place in fields(shape)}
        keys = {tiles.key(replace(shape, **{name: value})) for name, value in other.items()}
        assert len(keys) == len(other) and tiles.key(shape) not in keys
        assert tiles.key(replace(shape, tile=Tile(rows=1))) == tiles.key(shape)


ENTRY = {"tile": {"rows": 2}, "default": 2, "tuned": 1, "unit": "instructions"}


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "expected a JSON table of tiles"),
        ("[" * 100000, "expected a JSON table of tiles"),
        ("[]", 'expected {"format": 1, "target": NAME'),
        ('{"format": 1, "target": "aarch64-dotprod"}', 'expected {"format": 1, "target": NAME'),
        ({"format": 2}, "a table of format 2, where this version reads format 1; delete it"),
        ({"format": True}, 'expected {"format": 1'),
        ({"target": "x86-64-vnni"}, "holds tiles for x86-64-vnni, not for aarch64-dotprod"),
        ({"tile": {"colums": 2}}, "'a shape': expected as tile an object of pixels, blocks"),
        ({"tile": [2]}, "'a shape': expected as tile an object"),
        ({"tile": {"rows": 0}}, "'a shape': expected as rows an integer of at least 1, got 0"),
        ({"tile": {"rows": True}}, "'a shape': expected as rows an integer .* got True"),
        ({"tile": {"rows": "2"}}, "'a shape': expected as rows an integer .* got '2'"),
        ({"default": -1}, "'a shape': expected as default a cost, got -1"),
        ({"tuned": None}, "'a shape': expected as tuned a cost, got None"),
        ({"tuned": float("nan")}, "'a shape': expected as tuned a cost, got nan"),
        ({"default": 10**400}, "'a shape': expected as default a cost, got 1000"),
        ({"unit": "hours"}, "'a shape': expected as unit one of .*, got 'hours'"),
        ({"more": 1}, "'a shape': expected an object of default, tile, tuned, unit"),
    ],
)
def test_a_malformed_table_names_file_and_entry(
    content: str | dict[str, Any], message: str, model: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.json"
    if isinstance(content, dict):
        head = {"format": 1, "target": ARM}
        head |= {name: value for name, value in content.items() if name in head}
        entry = {n: value for n, value in {**ENTRY, **content}.items() if n not in head}
        content = json.dumps({**head, "kernels": {"a shape": entry}})
    table.write_text(content)
    for act in (
        lambda: pipeline.compile_model(model, ARM, tmp_path / "out", table=table),
        lambda: tune.tune([model], ARM, table=table),
    ):
        with pytest.raises(CompileError, match=f"t.json: .*{message}".replace("{", r"\{")):
            act()
    assert table.read_text() == content and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "kind, tile, message",
    [
        ("conv", Tile(blocks=999), "expected at most .* blocks, got 999"),
        ("conv", Tile(pixels=999), "expected at most .* pixels, got 999"),
        ("conv", Tile(pixels=7, blocks=8), "at most 32 accumulators, got 7 pixels x 8 blocks"),
        ("conv", Tile(unrolled=1025), "expected at most 1024 unrolled, got 1025"),
        ("conv", Tile(rows=1), "its template takes no rows, got 1; it takes pixels, blocks"),
        ("depthwise", Tile(rows=12), "expected at most 11 rows, got 12"),
        ("depthwise", Tile(pixels=1), "its template takes no pixels"),
    ],
)
def test_a_tile_that_does_not_fit_names_file_and_entry(
    kind: str, tile: Tile, message: str, grouped: Graph, tmp_path: Path
) -> None:
    names = [n for n in tune.shapes(programs(grouped, ARM)) if n.startswith(f"{kind} x 11")]
    entry = Entry(tile, 2.0, 1.0, tiles.INSTRUCTIONS)
    tiles.record(tiles.Table(tmp_path / "t.json", ARM), names[0], entry)
    with pytest.raises(CompileError, match=f"t.json: '{kind} x 11.*: .*{message}.*; correct the"):
        pipeline.compile_graph(grouped, TARGETS[ARM], tmp_path / "m.so", table=tmp_path / "t.json")
    assert not (tmp_path / "m.so").exists()


def test_blocks_of_a_tile_share_their_groups(grouped: Graph) -> None:
    program = programs(grouped, ARM)
    shared = [w.shape for w in tune.shapes(program).values() if getattr(w.shape, "reads", None)]
    (shape,) = (s for s in shared if s.reads.advance and s.reads.share > 1)
    assert misfit(program.isa, shape, Tile(blocks=3)) == "expected blocks that divide 16, got 3"


def test_a_table_that_cannot_be_written_says_what_to_do(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(CompileError, match="t.json: cannot be written: .*--table"):
        tune.tune([model], ARM, table=tmp_path / "file" / "t.json")


def test_an_absent_table_is_an_error_only_where_it_is_named(model: Path, tmp_path: Path) -> None:
    assert tiles.load("aarch64-neon").target == "aarch64-neon"
    with pytest.raises(CompileError, match="t.json: cannot be read: No such file"):
        pipeline.compile_model(model, ARM, tmp_path, table=tmp_path / "t.json")


@pytest.mark.parametrize("target", [t for t in TARGETS if tiles.default_path(t).exists()])
def test_the_tables_of_the_package_can_be_read_and_are_as_they_were_written(
    target: str, tmp_path: Path
) -> None:
    """Another tile is there only where it costs less; nothing was edited into disorder."""
    table = tiles.load(target)
    assert table.entries
    for name, entry in table.entries.items():
        assert (entry.tuned < entry.default) == (entry.tile != OWN), name
    name, entry = table.entries.popitem()
    tiles.record(replace(table, path=tmp_path / "t.json"), name, entry)
    assert (tmp_path / "t.json").read_bytes() == tiles.default_path(target).read_bytes()


def test_wrong_arguments(model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ({"target": "z80"}, "'z80' is unknown; choose one of"),
        ({"cost": "money"}, "'money' is unknown; choose one of time, instructions, cycles"),
        ({"target": ARM, "cost": "time"}, "cannot run it, so there is no time"),
        ({"target": "x86-64-vnni", "cost": "cycles"}, "cycles are counted for aarch64 only"),
        ({"most": 1}, "at least 2 candidates and rounds, got 1 and 200"),
        ({"rounds": 1}, "at least 2 candidates and rounds, got 32 and 1"),
    ):
        with pytest.raises(CompileError, match=message):
            tune.tune([model], table=tmp_path / "t.json", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
@pytest.mark.qemu
def test_a_templates_own_tile_is_near_the_best(tmp_path: Path) -> None:
    """Layers like those of the networks, deep and shallow, by exact counts: NEAR of the best."""
    build = Builder(9, (28, 28, 64), tame=True)
    x = build.conv("input", 32)  # many steps, few outputs
    x = build.conv(x, 16, two_scales=True)
    y = build.conv(x, 16, add=x)  # few steps: most of the cost is the epilogue
    y = build.conv(y, 96)
    y = build.depthwise(y, pads=(1, 1, 1, 1), two_scales=True)
    y = build.depthwise(y, (5, 5), stride=(2, 2), pads=(2, 2, 2, 2))
    y = build.conv(y, 32, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    y = build.rescale(build.conv(y, 128), two_scales=True)
    y = build.conv(build.pool(y, "average", (7, 7)), 128)  # one pixel
    target = TARGETS[ARM]
    program = programs(build.graph(y), ARM)
    found = {
        name: tune.search(program, target, work, tiles.INSTRUCTIONS, 100, 2)
        for name, work in tune.shapes(program).items()
    }
    assert len(found) >= 9
    far = {n: str(e) for n, e in found.items() if e.default > tune.NEAR * e.tuned}
    assert not far
